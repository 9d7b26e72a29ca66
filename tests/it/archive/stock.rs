//! Stock tools read what we write, and write the same.

use std::path::Path;
use std::process::Command;

use ombundle::trust::{Payload as _, PublicKey, SecretKey, Signature, TrustSet};

use super::world::{World, key};

fn run(program: &str, folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("LC_ALL", "C")
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn packed() -> (tempfile::TempDir, World) {
    let folder = tempfile::tempdir().unwrap();
    let world = World::with_layers(&[vec![b'L'; 700], vec![b'M'; 512], vec![]]);
    std::fs::write(folder.path().join("a.ombundle"), world.pack(&[1])).unwrap();
    std::fs::write(folder.path().join("signer.pub"), key(1).public().to_pem().unwrap()).unwrap();
    (folder, world)
}

#[test]
fn tar_unpacks_it_and_packs_the_same_bytes() {
    let (folder, world) = packed();
    let at = folder.path();
    let names = run("tar", at, &["-tf", "a.ombundle"]);
    let expected: Vec<String> = world.blueprint().inventory().members().map(|m| m.path.to_string()).collect();
    assert_eq!(names.lines().collect::<Vec<_>>(), expected);
    std::fs::create_dir(at.join("out")).unwrap();
    run("tar", at, &["-xf", "a.ombundle", "-C", "out"]);
    run("sha256sum", &at.join("out"), &["--strict", "--quiet", "-c", "SHA256SUMS"]);
    let mut arguments =
        "--format=ustar --owner=0 --group=0 --numeric-owner --mode=0644 --mtime=@0 -b1 -C out -cf again.tar"
            .split(' ')
            .collect::<Vec<_>>();
    arguments.extend(names.lines());
    run("tar", at, &arguments);
    assert_eq!(std::fs::read(at.join("again.tar")).unwrap(), world.pack(&[1]));
}

#[test]
fn openssl_checks_our_signature_and_we_check_its() {
    let (folder, world) = packed();
    let at = folder.path();
    let inventory = world.blueprint().inventory().raw().clone();
    let message = ombundle::trust::pre_authentication_encoding(
        ombundle::archive::RawInventory::TYPE,
        inventory.bytes(),
    );
    std::fs::write(at.join("pae"), &message).unwrap();
    std::fs::write(at.join("sig"), key(1).sign(&inventory).bytes()).unwrap();
    let verify = "pkeyutl -verify -pubin -inkey signer.pub -rawin -in pae -sigfile sig";
    let verdict = run("openssl", at, &verify.split(' ').collect::<Vec<_>>());
    assert!(verdict.contains("Verified Successfully"), "{verdict}");
    run("openssl", at, &["genpkey", "-algorithm", "ed25519", "-out", "their.key"]);
    run("openssl", at, &["pkey", "-in", "their.key", "-pubout", "-out", "their.pub"]);
    run(
        "openssl",
        at,
        &"pkeyutl -sign -inkey their.key -rawin -in pae -out their.sig".split(' ').collect::<Vec<_>>(),
    );
    let read = |name: &str| std::fs::read_to_string(at.join(name)).unwrap();
    let public = PublicKey::from_pem(&read("their.pub")).unwrap();
    let secret = SecretKey::from_pem(&read("their.key")).unwrap();
    assert_eq!(secret.public(), public);
    assert_eq!(
        (secret.to_pem().unwrap().as_str(), public.to_pem().unwrap()),
        (&*read("their.key"), read("their.pub"))
    );
    let der = "openssl pkey -pubin -in their.pub -outform DER | sha256sum";
    assert_eq!(run("bash", at, &["-c", der]), format!("{}  -\n", public.id()));
    let signature =
        Signature::from_slice(public.id(), &std::fs::read(at.join("their.sig")).unwrap()).unwrap();
    assert!(TrustSet::new(vec![public], 1).unwrap().verify(inventory, &[signature]).is_ok());
}

#[test]
fn skopeo_reads_the_layout() {
    let (folder, _) = packed();
    let at = folder.path();
    run("tar", at, &["-xf", "a.ombundle"]);
    if Command::new("skopeo").arg("--version").output().is_err() {
        return;
    }
    let name = std::fs::read_to_string(at.join("oci/index.json")).unwrap();
    let name = name.split("ref.name\":\"").nth(1).unwrap().split('"').next().unwrap();
    let manifest = run("skopeo", at, &["inspect", "--raw", &format!("oci:oci:{name}")]);
    assert_eq!(manifest, "{\"schemaVersion\":2}");
}
