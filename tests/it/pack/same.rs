//! The same plan gives the same bytes, and stock tools read them.

use std::process::Command;

use ombundle::demo::{Generation, World};
use ombundle::digest::Digest;
use serde_json::{Value, json};

use super::stage::{Stage, run};

/// What somebody does to a plan.
type Edit = fn(&mut Value);

#[test]
fn the_same_plan_and_key_give_the_same_bytes_everywhere() {
    let stage = Stage::new(Generation::First);
    stage.plan();
    stage.pack("a.ombundle", &[]).ended(0);
    let whole = stage.read("a.ombundle");
    std::fs::create_dir(stage.path("elsewhere")).unwrap();
    for (number, (zone, locale, mask, jobs)) in [
        ("Pacific/Kiritimati", "ko_KR.UTF-8", "0", "1"),
        ("America/St_Johns", "C", "077", "8"),
        ("", "tr_TR.ISO-8859-9", "0777", "3"),
    ]
    .into_iter()
    .enumerate()
    {
        let output = format!("../{number}.ombundle");
        let mut command = Command::new("sh");
        command.args(["-c", &format!("umask {mask}; exec \"$@\""), "sh", env!("CARGO_BIN_EXE_ombundle")]);
        command.args(["pack", "--plan", "../plan.json", "--key", "../signer.key", "-j", jobs, "-o", &output]);
        command.current_dir(stage.path("elsewhere"));
        stage.plain(&mut command);
        command.env("TZ", zone).env("LC_ALL", locale).env("LANG", locale);
        run(command).ended(0);
        assert!(stage.read(&format!("{number}.ombundle")) == whole, "{zone} {locale} {mask} {jobs}");
    }
}

#[test]
fn a_plan_that_contradicts_itself_is_refused() {
    let stage = Stage::new(Generation::First);
    let plan = stage.plan();
    let edits: [(&str, Edit); 9] = [
        ("two sizes", |plan| {
            let shared = plan["images"][0]["blobs"].as_array().unwrap().last().unwrap()["size"].as_u64();
            plan["images"][0]["blobs"].as_array_mut().unwrap().last_mut().unwrap()["size"] =
                json!(shared.unwrap() + 1);
        }),
        ("a hidden line", |plan| drop(plan["items"].as_array_mut().unwrap().pop())),
        ("another reason", |plan| plan["items"][0]["reason"] = json!("harmless")),
        ("a smaller sum", |plan| plan["bytes"]["store"] = json!(1)),
        ("fewer requests", |plan| plan["requests"] = json!(1)),
        ("another text", |plan| {
            let inline = plan["inline"].as_object_mut().unwrap();
            inline.values_mut().for_each(|text| *text = json!("{}"));
        }),
        ("a root that is none", |plan| {
            let digest = plan["images"][1]["root"]["digest"].clone();
            plan["images"][0]["root"]["digest"] = digest;
        }),
        ("an unknown field", |plan| plan["please"] = json!("also this")),
        ("no format", |plan| plan["format"] = json!("ombundle.plan/v9")),
    ];
    for (what, edit) in edits {
        let mut edited = plan.clone();
        edit(&mut edited);
        stage.write("plan.json", edited.to_string());
        let before = stage.names();
        let ran = stage.pack("a.ombundle", &[]);
        assert_eq!(ran.code, Some(2), "{what}: {ran:?}");
        assert!(ran.stderr.contains("hint: "), "{what}: {}", ran.stderr);
        assert_eq!(stage.names(), before, "{what}");
    }
    // The order of its fields says nothing.
    stage.write("plan.json", plan.to_string());
    stage.pack("a.ombundle", &[]).ended(0);
}

#[test]
fn stock_tools_read_what_is_packed() {
    let stage = Stage::new(Generation::First);
    stage.plan();
    stage.pack("a.ombundle", &[]).ended(0);
    let in_folder = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(stage.folder.path());
        run(command).ended(0)
    };
    let listed = in_folder("tar", &["-tf", "a.ombundle"]).stdout;
    assert!(listed.lines().any(|line| line == "oci/index.json"), "{listed}");
    std::fs::create_dir(stage.path("out")).unwrap();
    in_folder("tar", &["-xf", "a.ombundle", "-C", "out"]);
    let index = stage.json("out/oci/index.json");
    // skopeo finds nothing by name in a layout whose manifest is docker's, though image-layout.md allows it there.
    let oci = |it: &&Value| it["mediaType"].as_str().unwrap().contains(".oci.");
    let names = index["manifests"].as_array().unwrap().iter().filter(oci);
    let names: Vec<&str> =
        names.map(|it| it["annotations"]["org.opencontainers.image.ref.name"].as_str().unwrap()).collect();
    assert!(names.contains(&World::ADDITIONAL), "{names:?}");
    for (number, name) in names.iter().enumerate() {
        let (from, to) = (format!("oci:out/oci:{name}"), format!("dir:copy-{number}"));
        in_folder("skopeo", &["--insecure-policy", "copy", "-q", "--all", &from, &to]);
    }
    // For those the format's own text says what to do.
    let docker = index["manifests"].as_array().unwrap().iter().find(|it| !oci(it)).unwrap();
    let (_, digest) = docker["digest"].as_str().unwrap().split_once(':').unwrap();
    let text = include_str!("../../../schema/archive-v1.md").split("```sh\n").nth(1).unwrap();
    let text = text.split("```").next().unwrap();
    let text = text.replace("docker://registry.example/repository:tag", "dir:copied");
    let script = format!(
        "cd out; manifest={digest}\n{}",
        text.replace("skopeo copy", "skopeo --insecure-policy copy")
    );
    in_folder("bash", &["-euc", &script]);
    assert_eq!(Digest::of(&stage.read("out/copied/manifest.json")).hex(), digest);

    let recipe = stage.run(&["verify", "a.ombundle", "--trust-key", "signer.pub", "--explain"]).ended(0);
    stage.write("audit.sh", recipe.stdout);
    let audited = in_folder("bash", &["audit.sh"]);
    assert!(audited.stdout.starts_with("VERIFIED "), "{audited:?}");
}
