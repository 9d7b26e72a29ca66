//! The papers beside an archive: what stock tools, spreadsheets and people do with them.

use std::collections::BTreeSet;
use std::process::Command;

use ombundle::demo::Generation;
use serde_json::Value;

use super::stage::Stage;

/// `a.ombundle` with its papers.
fn packed(more: &[&str]) -> Stage {
    let stage = Stage::new(Generation::First);
    stage.plan();
    stage.pack("a.ombundle", more).ended(0);
    stage
}

fn text(stage: &Stage, name: &str) -> String {
    String::from_utf8(stage.read(name)).unwrap()
}

/// Whether `sha256sum` passes all of it.
fn sums_pass(stage: &Stage) -> bool {
    let mut check = Command::new("sha256sum");
    check.args(["-c", "--strict", "--quiet", "a.ombundle.SHA256SUMS"]).current_dir(stage.folder.path());
    check.output().unwrap().status.success()
}

#[test]
fn stock_tools_check_all_files_beside_each_other() {
    for more in [&[][..], &["--volume-size", "512KiB"]] {
        let stage = packed(more);
        assert!(sums_pass(&stage), "{more:?}");
        let sums = text(&stage, "a.ombundle.SHA256SUMS");
        let listed: BTreeSet<String> =
            sums.lines().map(|line| line.split_once(" *").unwrap().1.to_owned()).collect();
        let there = stage.names().into_iter().filter(|name| name.starts_with("a.ombundle"));
        let there: BTreeSet<String> = there.filter(|name| !name.ends_with("SHA256SUMS")).collect();
        assert_eq!(listed, there);
        let last = there.first().unwrap();
        let mut bytes = stage.read(last);
        bytes[700] ^= 1;
        stage.write(last, bytes);
        assert!(!sums_pass(&stage), "{more:?}");
    }
}

#[test]
fn a_spreadsheet_has_a_line_for_each_package_and_image() {
    let stage = packed(&["--csv-bom"]);
    let script = "import csv, sys, json\n\
                  rows = list(csv.reader(open('a.ombundle.CONTENTS.csv', encoding='utf-8-sig', newline='')))\n\
                  print(json.dumps(rows))";
    let output =
        Command::new("python3").args(["-c", script]).current_dir(stage.folder.path()).output().unwrap();
    let rows: Vec<Vec<String>> = serde_json::from_slice(&output.stdout).unwrap();
    let plan = stage.json("plan.json");
    let items = plan["items"].as_array().unwrap();
    let packages: Vec<&str> =
        rows.iter().filter(|row| row[0] == "package").map(|row| row[1].as_str()).collect();
    assert_eq!(packages, ["devworkspace-operator", "web-terminal"]);
    assert_eq!(rows.len(), 1 + packages.len() + items.len());
    for (row, item) in rows.iter().skip(1 + packages.len()).zip(items) {
        assert_eq!(row[4], item["digest"].as_str().unwrap());
        assert_eq!(row[6], item["bytes"].to_string());
        assert_eq!(row[8], item["reason"].as_str().unwrap());
    }
    let way = rows.iter().find(|row| row[1] == "web-terminal").unwrap();
    assert_eq!(way[2], "web-terminal.v1.8.0 -> 1.9.0");
    assert_eq!(&stage.read("a.ombundle.CONTENTS.csv")[..3], b"\xef\xbb\xbf");
}

#[test]
fn the_page_has_what_both_sides_compare() {
    let stage = packed(&["--format", "json"]);
    let page = text(&stage, "a.ombundle.SUMMARY.txt");
    let shown = stage.run(&["inspect", "a.ombundle", "--trust-key", "signer.pub"]).ended(0).stdout;
    let inventory = shown.split("sha256:").nth(1).unwrap();
    let spoken = |hex: &str| (0..8).map(|group| &hex[group * 4..group * 4 + 4]).collect::<Vec<_>>().join(" ");
    assert!(page.contains(&format!("Archive, to compare           {}\n", spoken(inventory))), "{page}");
    let sum = Command::new("sha256sum").arg(stage.path("plan.json")).output().unwrap().stdout;
    let sum = String::from_utf8(sum).unwrap();
    assert!(page.contains(&format!("Plan, to compare              {}\n", spoken(&sum))), "{page}");
    assert!(page.contains("web-terminal.v1.8.0 -> 1.9.0 in 1 step"), "{page}");
    assert!(page.lines().count() < 60 && page.lines().all(|line| line.chars().count() <= 120), "{page}");
}

#[test]
fn the_same_papers_come_before_the_download_and_out_of_the_archive() {
    let stage = packed(&[]);
    let plan = [
        "plan",
        "-c",
        "imageset.yaml",
        "--installed",
        "web-terminal.v1.8.0",
        "--sequence",
        "1",
        "--papers",
        "-o",
        "b.json",
    ];
    stage.run(&plan).ended(0);
    let contents = text(&stage, "b.json.CONTENTS.csv");
    assert!(
        contents.starts_with("kind,name,version,source,digest,bytes,bytes added,status,reason\r\n"),
        "{contents}"
    );
    assert!(text(&stage, "b.json.SUMMARY.txt").starts_with("a plan for an archive\n"));
    for (format, name) in [("csv", "CONTENTS.csv"), ("cyclonedx", "SBOM.json")] {
        let line = ["inspect", "a.ombundle", "--trust-key", "signer.pub", "--format", format, "-o", "shown"];
        stage.run(&line).ended(0);
        assert_eq!(text(&stage, "shown"), text(&stage, &format!("a.ombundle.{name}")), "{format}");
    }
}

#[test]
fn a_bill_names_every_image_once_with_what_is_attached() {
    let stage = packed(&[]);
    let bill: Value = stage.json("a.ombundle.SBOM.json");
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    let components = bill["components"].as_array().unwrap();
    let references: BTreeSet<&str> = components.iter().map(|one| one["bom-ref"].as_str().unwrap()).collect();
    let plan = stage.json("plan.json");
    let images = plan["images"].as_array().unwrap();
    let (attached, others): (Vec<&Value>, Vec<&Value>) =
        images.iter().partition(|image| image["kind"] == "attachment");
    assert_eq!((components.len(), references.len()), (others.len(), others.len()));
    let referred: usize =
        components.iter().filter_map(|one| one["externalReferences"].as_array()).map(Vec::len).sum();
    assert_eq!(referred, attached.len());
    for one in components {
        let digest = one["version"].as_str().unwrap();
        let purl = one["purl"].as_str().unwrap();
        assert!(purl.starts_with("pkg:oci/") && purl.contains(&digest.replace(':', "%3A")), "{purl}");
    }
}

#[test]
fn only_the_approved_plan_is_packed() {
    let stage = Stage::new(Generation::First);
    stage.plan();
    let sum = Command::new("sha256sum").arg(stage.path("plan.json")).output().unwrap().stdout;
    let approved = format!("sha256:{}", String::from_utf8(sum).unwrap().split(' ').next().unwrap());
    let plan = text(&stage, "plan.json");
    stage.write("plan.json", plan.replace("\"sequence\": 1,", "\"sequence\": 2,"));
    let refused = stage.pack("a.ombundle", &["--approved", &approved]).ended(2);
    assert!(refused.stderr.contains("is not the plan that was approved"), "{}", refused.stderr);
    assert!(!stage.names().iter().any(|name| name.starts_with("a.ombundle")), "{:?}", stage.names());
    stage.write("plan.json", plan);
    stage.pack("a.ombundle", &["--approved", &approved, "--no-papers"]).ended(0);
    let written: Vec<String> =
        stage.names().into_iter().filter(|name| name.starts_with("a.ombundle")).collect();
    assert_eq!(written, ["a.ombundle"]);
}
