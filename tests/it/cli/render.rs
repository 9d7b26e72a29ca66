//! `catalog render` as people run it: every kind of input, and bad ones.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use ombundle::demo::{File, Image, Layer, Recipe};
use serde_json::{Value, json};

use super::world::{Ended, Folder, catalog, package};
use crate::support::registry::DockerRegistry;

const CONFIGS: &str = "operators.operatorframework.io.index.configs.v1";
const DATABASE: &str = "operators.operatorframework.io.index.database.v1";
const PACKAGE: &str = "operators.operatorframework.io.bundle.package.v1";

const CSV: &str = r#"{"apiVersion": "operators.coreos.com/v1alpha1", "kind": "ClusterServiceVersion",
 "metadata": {"name": "p.v1.0.0", "annotations": {"description": "<a> & b"}},
 "spec": {"version": "1.0.0", "install": {"strategy": "deployment", "spec": {"deployments": [
   {"name": "d", "spec": {"template": {"spec": {"containers": [{"image": "r.example/operator:1"}]}}}}]}}}}"#;
const ANNOTATIONS: &str = "annotations:\n  operators.operatorframework.io.bundle.package.v1: p\n";

/// Writes a bundle into a folder of that name.
fn bundle(folder: &Folder, name: &str) {
    folder.write(&format!("{name}/manifests/p.clusterserviceversion.json"), CSV);
    folder.write(&format!("{name}/metadata/annotations.yaml"), ANNOTATIONS);
}

fn tool(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|_| panic!("{program} is needed: apt-get install {program}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An image that umoci makes in a layout of that name: folders at its root, one layer. Gives its name for skopeo.
fn image_by_umoci(folder: &Folder, layout: &str, folders: &[&str], label: &str) -> String {
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (image, root) = (format!("{}:v1", at(layout)), at(&format!("{layout}-root")));
    tool("umoci", &["init", "--layout", &at(layout)]);
    tool("umoci", &["new", "--image", &image]);
    tool("umoci", &["unpack", "--rootless", "--image", &image, &root]);
    for folder in folders {
        tool("cp", &["-r", &at(folder), &format!("{root}/rootfs")]);
    }
    tool("umoci", &["repack", "--image", &image, &root]);
    tool("umoci", &["config", "--image", &image, "--config.label", label]);
    image
}

/// An image as an OCI layout of that name.
fn layout(folder: &Folder, name: &str, recipe: &Recipe) -> Image {
    let image = Image::build(recipe).unwrap();
    for blob in &image.blobs {
        folder.write(&format!("{name}/blobs/sha256/{}", blob.digest.hex()), &blob.bytes);
    }
    folder.write(&format!("{name}/blobs/sha256/{}", image.digest().hex()), image.manifest.bytes());
    folder.write(&format!("{name}/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
    let mut entry = serde_json::to_value(image.manifest.descriptor()).unwrap();
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": "v1"});
    let index = json!({"schemaVersion": 2, "manifests": [entry]});
    folder.write(&format!("{name}/index.json"), index.to_string());
    image
}

fn recipe(files: &[(&str, &str)], labels: &[(&str, &str)]) -> Recipe {
    let files: Vec<File> = files.iter().map(|(path, text)| File::new(*path, *text)).collect();
    Recipe::of(vec![Layer::of(&files).unwrap()]).labels(labels.iter().copied())
}

fn good(ended: &Ended) -> String {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.stdout.clone()
}

fn values(stream: &str) -> Vec<Value> {
    serde_json::Deserializer::from_str(stream).into_iter().map(Result::unwrap).collect()
}

/// umoci makes the image, skopeo pushes it, a real registry serves it.
#[test]
fn a_bundle_is_the_same_from_its_folder_a_layout_and_a_registry() {
    let registry = DockerRegistry::start();
    let folder = Folder::new();
    bundle(&folder, "bundle");
    let image =
        image_by_umoci(&folder, "layout", &["bundle/manifests", "bundle/metadata"], &format!("{PACKAGE}=p"));
    let reference = format!("{}/operators/p:v1", registry.host());
    let target = format!("docker://{reference}");
    tool(
        "skopeo",
        &[
            "copy",
            "--quiet",
            "--insecure-policy",
            "--dest-tls-verify=false",
            &format!("oci:{image}"),
            &target,
        ],
    );

    for more in [&[][..], &["--migrate"], &["--format", "yaml"]] {
        let template = format!("{}/operators/{{{{.Package}}}}:v1", registry.host());
        let run = |input: &str, template: &[&str]| {
            let ended = folder.run_with(&[&["catalog", "render", input], template, more].concat());
            assert_eq!(ended.stderr, "", "{input}");
            good(&ended)
        };
        let served = run(&reference, &[]);
        assert_eq!(run("oci:layout:v1", &["--image-ref-template", &template]), served);
        assert_eq!(run("bundle", &["--image-ref-template", &template]), served);
        if more == ["--migrate"] {
            let blob = &values(&served)[0];
            assert_eq!(blob["image"], reference);
            assert_eq!(
                blob["relatedImages"],
                json!([{"name": "", "image": reference}, {"name": "", "image": "r.example/operator:1"}])
            );
            assert_eq!(blob["properties"][1]["value"]["annotations"]["description"], "<a> & b");
        }
    }

    let unnamed = folder.run("catalog render bundle");
    assert_eq!(values(&good(&unnamed))[0]["image"], "");
    assert!(
        unnamed.stderr.contains("warning[NO_IMAGE]") && unnamed.stderr.contains("--image-ref-template"),
        "{}",
        unnamed.stderr
    );
}

#[test]
fn a_catalog_is_the_same_from_its_file_its_folder_and_its_image() {
    let registry = DockerRegistry::start();
    let folder = Folder::new();
    folder.write("catalog/web-terminal/catalog.json", catalog());
    folder.write("catalog/.indexignore", "*.md\n");
    folder.write("catalog/README.md", "Read me");
    folder.write("one.json", catalog());
    let files = [
        ("configs/web-terminal/catalog.json", &*catalog()),
        ("configs/.indexignore", "*.md\n"),
        ("configs/README.md", "Read me"),
    ];
    layout(&folder, "layout", &recipe(&files, &[(CONFIGS, "/configs")]));
    let reference = format!("{}/catalogs/c:v1", registry.host());
    let from = format!("oci:{}:v1", folder.path().join("layout").display());
    let target = format!("docker://{reference}");
    tool("skopeo", &["copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false", &from, &target]);
    let text = good(&folder.run("catalog render one.json"));
    assert!(
        text.starts_with("{\n    \"schema\": \"olm.package\",\n    \"name\": \"web-terminal\",\n"),
        "{text}"
    );
    for input in ["catalog", "oci:layout:v1", &reference] {
        assert_eq!(good(&folder.run(&format!("catalog render {input}"))), text, "{input}");
    }
    // Several inputs are one stream, in order of their packages whatever the order of the inputs.
    folder.write("two.json", package("a", "fast"));
    let both = good(&folder.run("catalog render catalog two.json"));
    assert_eq!(both, good(&folder.run("catalog render two.json")) + &text);
}

#[test]
fn upper_layers_of_a_catalog_hide_replace_and_link() {
    let folder = Folder::new();
    let named = |name: &str, channel: &str| package(name, channel);
    let layers: [&[(&str, String)]; 3] = [
        &[
            ("configs/a.json", named("a", "old")),
            ("configs/b.json", named("b", "hidden")),
            ("configs/sub/c.json", named("c", "gone")),
            ("configs/notes.md", "of no format".to_owned()),
            ("etc/d.json", named("d", "elsewhere")),
        ],
        &[
            ("configs/.wh.b.json", String::new()),
            ("configs/sub/.wh..wh..opq", String::new()),
            ("configs/sub/e.json", named("e", "fast")),
            ("configs/a.json", named("a", "middle")),
        ],
        &[("configs/a.json", named("a", "new")), ("configs/.indexignore", "*.md\n".to_owned())],
    ];
    let built = layers.map(|files| {
        let files: Vec<File> = files.iter().map(|(path, text)| File::new(*path, text.as_str())).collect();
        Layer::of(&files).unwrap()
    });
    layout(&folder, "layers", &Recipe::of(built.to_vec()).labels([(CONFIGS, "/configs")]));
    folder.write("expected/a.json", named("a", "new"));
    folder.write("expected/e.json", named("e", "fast"));
    for more in [&[][..], &["--migrate"], &["--format", "yaml"]] {
        let render = |input| good(&folder.run_with(&[&["catalog", "render", input], more].concat()));
        assert_eq!(render("oci:layers:v1"), render("expected"));
    }
    // A link is one more file of that content: twice the same package, in the order of the names.
    fs::create_dir(folder.path().join("configs")).unwrap();
    folder.write("configs/b.json", named("b", "fast"));
    symlink("b.json", folder.path().join("configs/a.json")).unwrap();
    image_by_umoci(&folder, "linked", &["configs"], &format!("{CONFIGS}=/configs"));
    folder.write("twice.json", named("b", "fast") + &named("b", "fast"));
    assert_eq!(
        good(&folder.run("catalog render oci:linked:v1")),
        good(&folder.run("catalog render twice.json"))
    );
}

/// What is unpacked lies aside; where it cannot, that is said before anything is written, and nothing is left there.
#[test]
fn an_unpacked_catalog_lies_in_the_temporary_folder() {
    let folder = Folder::new();
    layout(&folder, "layout", &recipe(&[("configs/c.json", &catalog())], &[(CONFIGS, "/configs")]));
    let with = |scratch: &str| {
        Command::new(env!("CARGO_BIN_EXE_ombundle"))
            .args(["catalog", "render", "oci:layout:v1"])
            .current_dir(folder.path())
            .env("TMPDIR", folder.path().join(scratch))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let ended = with("gone");
    let told = String::from_utf8(ended.stderr).unwrap();
    assert_eq!((ended.status.code(), ended.stdout.len()), (Some(2), 0), "{told}");
    assert!(told.contains("could not create `") && told.contains("/gone/.ombundle-"), "{told}");
    fs::create_dir(folder.path().join("scratch")).unwrap();
    assert!(with("scratch").status.success());
    assert_eq!(fs::read_dir(folder.path().join("scratch")).unwrap().count(), 0);
}

/// Nothing is written, the reason is named, and there is something to do about it.
fn refused(folder: &Folder, line: &str, code: i32, says: &[&str]) {
    let ended = folder.run(line);
    assert_eq!((ended.code, ended.stdout.as_str()), (code, ""), "{line}: {}", ended.stderr);
    for text in says.iter().chain(&["hint: "]) {
        assert!(ended.stderr.contains(text), "{line}: `{text}` is not in: {}", ended.stderr);
    }
    let bad = ended.stderr.chars().find(|c| *c != '\n' && !ombundle::text::is_plain(*c));
    assert_eq!(bad, None, "{line}: {:?}", ended.stderr);
}

#[test]
fn images_that_cannot_be_rendered_are_refused() {
    let folder = Folder::new();
    let files = [("configs/c.json", &*catalog())];
    layout(&folder, "bare", &recipe(&files, &[]));
    layout(&folder, "database", &recipe(&files, &[(DATABASE, "/database/index.db")]));
    refused(
        &folder,
        "catalog render oci:bare",
        2,
        &["neither a catalog nor an operator bundle", "has the label"],
    );
    refused(&folder, "catalog render oci:database", 2, &["SQLite", "opm migrate"]);
    folder.write("index.db", [b"SQLite format 3\0".as_slice(), &[0; 100]].concat());
    refused(&folder, "catalog render index.db", 2, &["`index.db` is an SQLite catalog", "opm migrate"]);
    refused(&folder, "catalog list index.db", 2, &["`index.db` is an SQLite catalog", "opm migrate"]);

    // 64 MB of nothing in 64 kB.
    let nothing = fs::File::create(folder.write("configs/big.json", "")).unwrap();
    nothing.set_len(64 << 20).unwrap();
    image_by_umoci(&folder, "bomb", &["configs"], &format!("{CONFIGS}=/configs"));
    refused(
        &folder,
        "catalog render oci:bomb",
        3,
        &["more than 200 plain bytes for each packed one", "not plausible"],
    );

    let other = recipe(
        &[("manifests/csv.json", CSV), ("metadata/annotations.yaml", ANNOTATIONS)],
        &[(PACKAGE, "other")],
    );
    layout(&folder, "other", &other);
    let ended = folder.run("catalog render oci:other --image-ref-template r.example/b:1");
    assert_eq!(values(&good(&ended))[0]["package"], "p");
    assert!(ended.stderr.contains("warning[OTHER_PACKAGE]"), "{}", ended.stderr);
    let empty = recipe(&[("manifests/x.yaml", "kind: Service\n")], &[(PACKAGE, "p")]);
    layout(&folder, "empty", &empty);
    refused(&folder, "catalog render oci:empty", 10, &["error[NO_CSV]", "error[NO_ANNOTATIONS]"]);
}

/// A layout's manifest that is not what its name says is damage, not an absence.
#[test]
fn an_altered_manifest_is_3() {
    let folder = Folder::new();
    let image =
        layout(&folder, "layout", &recipe(&[("configs/c.json", &catalog())], &[(CONFIGS, "/configs")]));
    let name = format!("layout/blobs/sha256/{}", image.digest().hex());
    let mut bytes = image.manifest.bytes().to_vec();
    bytes.push(b' ');
    folder.write(&name, bytes);
    for command in ["render", "list", "validate"] {
        let line = format!("catalog {command} oci:layout");
        refused(
            &folder,
            &line,
            3,
            &[&image.digest().hex(), "other content than its name says", "copy the layout again"],
        );
    }
}

#[test]
fn bad_catalogs_are_findings_with_file_line_and_remedy() {
    let folder = Folder::new();
    let mut bomb = "schema: olm.package\nname: p\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..12 {
        let below = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", [below.as_str(); 10].join(","));
    }
    let cut = catalog();
    for (file, text, says) in [
        ("cut.json", cut[..cut.len() - 20].to_owned(), ["error[UNREADABLE]: bad/cut.json:4: ", "EOF"]),
        ("bomb.yaml", bomb, ["error[UNREADABLE]: bad/bomb.yaml:", "once aliases are expanded"]),
        ("README.md", "Read: [me".to_owned(), ["error[UNREADABLE]: bad/README.md:", "`.indexignore`"]),
        (
            "values.yaml",
            "a: 1\n".to_owned(),
            ["error[MISSING_SCHEMA]: bad/values.yaml:1: ", "`.indexignore`"],
        ),
        (
            "twice.json",
            "{\"schema\":\"x\",\n\"Schema\":\"y\"}".to_owned(),
            ["error[BAD_BLOB]: bad/twice.json:2: ", "differ in case only"],
        ),
        ("icon.png", "\n\u{89}PNG".to_owned(), ["error[UNREADABLE]: bad/icon.png:", "`.indexignore`"]),
        (
            "\u{1b}[2J.json",
            r#"{"schema":"olm.channel","package":"\u001b[2J\u202e","name":"\u009b","entries":5}"#.to_owned(),
            ["error[BAD_BLOB]", "\\u{1b}[2J"],
        ),
    ] {
        let path = folder.write(&format!("bad/{file}"), text);
        refused(&folder, "catalog render bad", 10, &says);
        fs::remove_file(path).unwrap();
    }
    fs::write(folder.path().join("bad/latin"), b"a\n\xff").unwrap();
    refused(&folder, "catalog render bad", 10, &["error[UNREADABLE]: bad/latin:2: ", "not UTF-8"]);
    fs::remove_file(folder.path().join("bad/latin")).unwrap();
    symlink("..", folder.path().join("bad/up")).unwrap();
    refused(&folder, "catalog render bad", 2, &["bad/up"]);
    refused(&folder, "catalog render none/", 2, &["neither a file, nor a folder, nor an image"]);
}

#[test]
fn bad_bundles_are_findings() {
    let folder = Folder::new();
    bundle(&folder, "two");
    folder.write("two/manifests/q.json", CSV.replace("p.v1.0.0", "p.v2.0.0"));
    let ended = folder.run("catalog render two --image-ref-template r.example/b:1");
    assert_eq!(values(&good(&ended))[0]["name"], "p.v1.0.0");
    let says = "warning[TWO_CSVS]: two/manifests/q.json: ";
    assert!(ended.stderr.contains(says), "{}", ended.stderr);

    bundle(&folder, "none");
    fs::remove_file(folder.path().join("none/manifests/p.clusterserviceversion.json")).unwrap();
    refused(&folder, "catalog render none", 10, &["error[NO_CSV]: none/manifests: "]);
    bundle(&folder, "unnamed");
    fs::remove_file(folder.path().join("unnamed/metadata/annotations.yaml")).unwrap();
    refused(&folder, "catalog render unnamed", 10, &["error[NO_ANNOTATIONS]: unnamed/metadata: "]);
    bundle(&folder, "circle");
    symlink("..", folder.path().join("circle/manifests/up")).unwrap();
    refused(&folder, "catalog render circle", 2, &["circle/manifests/up"]);
    let template = folder.run("catalog render none --image-ref-template {{.Digest}}");
    assert_eq!(template.code, 2);
    assert!(
        template.stderr.contains("is not one of {{.Package}}, {{.Name}} and {{.Version}}"),
        "{}",
        template.stderr
    );
}

/// On a terminal nothing that a catalog says moves the cursor; elsewhere it is what opm would write.
#[test]
fn a_terminal_sees_escapes() {
    let folder = Folder::new();
    let name = "a\u{9b}31m\u{202e}\u{7f}";
    folder.write(
        "c.json",
        json!({"schema": "olm.package", "name": name, "defaultChannel": "\u{1b}[2J"}).to_string(),
    );
    let piped = good(&folder.run("catalog render c.json"));
    assert!(piped.contains(name) && piped.contains("\\u001b[2J"), "{piped:?}");
    for format in ["json", "yaml"] {
        let line = format!("{} catalog render c.json --format {format}", env!("CARGO_BIN_EXE_ombundle"));
        let shown = on_a_terminal(folder.path(), &line);
        assert!(shown.contains("olm.package") && shown.contains("202e"), "{shown:?}");
        let bad = shown.chars().find(|c| !matches!(c, '\n' | '\r') && !ombundle::text::is_plain(*c));
        assert_eq!(bad, None, "{format}: {shown:?}");
    }
}

/// What a command writes when its stdout is a terminal.
fn on_a_terminal(folder: &Path, line: &str) -> String {
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--command", line, "/dev/null"])
        .current_dir(folder)
        .stdin(Stdio::null());
    let output = script.output().expect("script is needed: apt-get install bsdutils");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
