//! What is wrong with graphs, payloads, stores and signatures, told by `plan`, `pack` and `verify` with what to do about it.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ombundle::archive::Moment;
use ombundle::digest::Digest;
use ombundle::flow::release_proof::prove;
use ombundle::limits::LIMITS;
use ombundle::plan::{Base64, Plan};
use ombundle::release::ReleaseKeys;
use serde_json::{Value, json};

use super::signatures::now;
use super::world::{RELEASES, ReleaseRecipe, World, claim, graph, signature_path, way};
use crate::cli::world::Ended;
use crate::support::peer::Answer;

const MADE: &str = "20260101T000000";
const WAY: &str = "--from-release 4.19.3 --to-release 4.20.5 --format json";

/// Every finding as `severity CODE subject: message (hint)`.
fn told(ended: &Ended) -> Vec<String> {
    let plan: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let line = |finding: &Value| {
        let [severity, code, subject, message, hint] =
            ["severity", "code", "subject", "message", "hint"].map(|name| text(finding, name));
        format!("{severity} {code} {subject}: {message} ({hint})")
    };
    plan["findings"].as_array().unwrap().iter().map(line).collect()
}

/// Fails unless a finding has all these parts, in this order.
fn assert_told(ended: &Ended, code: i32, parts: &[&str]) {
    assert_eq!(ended.code, code, "{}", ended.stderr);
    let told = told(ended);
    let fits = |line: &String| {
        parts.iter().try_fold(line.as_str(), |rest, part| Some(rest.split_once(part)?.1)).is_some()
    };
    assert!(told.iter().any(fits), "{parts:?}: {told:#?}");
}

#[test]
fn a_graph_that_contradicts_itself_is_told_of() {
    let (world, digests) = World::with_way();
    let good = way(&digests);
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut graph = good.clone();
        change(&mut graph);
        world.graph(&graph);
        world.plan(WAY)
    };
    let circle = changed(&|graph| graph["edges"] = json!([[0, 1], [1, 2], [2, 0]]));
    assert_told(
        &circle,
        0,
        &[
            "warning GRAPH_CYCLE 4.20.5 → 4.19.3: the edges run in a circle: 4.19.3 → 4.20.0 → 4.20.5 → 4.19.3",
            "(it is left out",
        ],
    );
    let out_of_range = changed(&|graph| graph["edges"] = json!([[0, 1], [1, 9]]));
    assert_told(
        &out_of_range,
        3,
        &["error GRAPH_EDGE_RANGE edges[1]: it leads from node 1 to node 9, and there are 3"],
    );
    let nowhere = changed(&|graph| {
        graph["conditionalEdges"] = json!([{"edges": [{"from": "4.20.0", "to": "4.20.77"}], "risks": [
            {"name": "R", "url": "https://e.example", "message": "m", "matchingRules": [{"type": "Always"}]}]}]);
    });
    assert_told(
        &nowhere,
        3,
        &[
            "error GRAPH_UNKNOWN_VERSION conditionalEdges[0].edges[0]: it leads from 4.20.0 to 4.20.77, and there is no node 4.20.77",
        ],
    );
    let unknown = changed(&|_| ());
    assert_eq!(unknown.code, 0, "{}", unknown.stderr);
    let unknown = world.plan("--from-release 4.19.3 --to-release 4.20.9 --format json");
    assert_told(
        &unknown,
        6,
        &[
            "error UNKNOWN_RELEASE release 4.20.9: 4.20.9 is not in channel stable-4.20",
            "(is the version right",
        ],
    );
    let far_older = world.plan("--from-release 4.21.0 --to-release 4.20.0 --format json");
    assert_told(&far_older, 6, &["error NO_PATH 4.21.0 → 4.20.0: 4.20.0 is older than 4.21.0"]);
    let older = world.plan("--from-release 4.20.5 --to-release 4.20.0 --format json");
    assert_told(
        &older,
        6,
        &["error NO_PATH 4.20.5 → 4.20.0: 4.20.0 is older than 4.20.5", "(name a later release"],
    );
}

#[test]
fn a_risk_is_taken_by_name_only() {
    let (world, digests) = World::with_way();
    let mut graph =
        graph(&[("4.19.3", digests[0]), ("4.20.0", digests[1]), ("4.20.5", digests[2])], &[[0, 1]]);
    graph["conditionalEdges"] = json!([{"edges": [{"from": "4.20.0", "to": "4.20.5"}], "risks": [
        {"name": "DiskFull", "url": "https://e.example/disk", "message": "Disks fill up.",
         "matchingRules": [{"type": "PromQL", "promql": {"promql": "group(up)"}}]}]}]);
    world.graph(&graph);
    let ended = world.plan(WAY);
    assert_told(
        &ended,
        2,
        &[
            "error RISK_NOT_ACCEPTED 4.20.0 → 4.20.5: the risk DiskFull is not accepted: Disks fill up",
            "--accept-risk DiskFull",
        ],
    );
    assert!(!world.folder.path().join("plan.json").exists());
    // All that one needs to decide stands beside the hop.
    let shown = |accepted: &str| {
        format!(
            "  → 4.20.5: recommended from 4.20.0 to clusters that the risk DiskFull does not concern; it is the target\n     risk DiskFull ({accepted}): Disks fill up.\n       \
             https://e.example/disk\n       PromQL: group(up)\n"
        )
    };
    let asked = world.plan("--from-release 4.19.3 --to-release 4.20.5");
    assert!(asked.stdout.contains(&shown("not accepted")), "{}", asked.stdout);
    let taken = world.plan("--from-release 4.19.3 --to-release 4.20.5 --accept-risk DiskFull");
    assert!(taken.stdout.contains(&shown("accepted")), "{}", taken.stdout);
    let ended = world.plan(&format!("{WAY} --accept-risk DiskFull --accept-risk DiskFul"));
    assert_told(&ended, 0, &["warning RISK_UNKNOWN DiskFul: ", "(did you mean DiskFull?)"]);
    let risk = &world.json("plan.json")["release_path"]["hops"][1]["risks"][0];
    assert_eq!((&risk["name"], &risk["accepted"]), (&json!("DiskFull"), &json!(true)));
}

#[test]
fn a_payload_that_is_not_whole_is_refused() {
    let (world, digests) = World::with_way();
    let missing = Digest::of(b"nobody pushed it");
    let etcd = world.component("etcd", 300_000);
    let lacking = world.release(&ReleaseRecipe {
        version: "4.20.5",
        components: &[("etcd", etcd), ("lost", missing)],
        more: Vec::new(),
    });
    world.graph(&way(&[digests[0], digests[1], lacking]));
    let ended = world.plan(WAY);
    assert_told(
        &ended,
        6,
        &["error IMAGE_MISSING quay.io/", "component `lost` of OpenShift 4.20.5 for amd64", "(wait until"],
    );

    let other =
        world.release(&ReleaseRecipe { version: "4.20.4", components: &[("etcd", etcd)], more: Vec::new() });
    world.graph(&way(&[digests[0], digests[1], other]));
    let ended = world.plan(WAY);
    assert_told(
        &ended,
        3,
        &["error RELEASE_INVALID release 4.20.5: ", "is release 4.20.4, not 4.20.5", "(do not use it"],
    );

    let gone = Digest::of(b"a release that was withdrawn");
    world.sign(gone, "4.20.5");
    world.graph(&way(&[digests[0], digests[1], gone]));
    assert_told(&world.plan(WAY), 6, &["error IMAGE_MISSING quay.io/", "(a release that was withdrawn"]);

    world.graph(&way(&digests));
    let ended = world.plan(&format!("{WAY} --without-component konsole"));
    assert_told(&ended, 2, &["error COMPONENT_UNKNOWN component konsole: ", "(did you mean console?)"]);
}

#[test]
fn what_a_plan_forgets_of_a_release_is_found_in_the_release() {
    let (world, _) = World::with_way();
    assert_eq!(world.plan(WAY).code, 0);
    let mut plan = world.json("plan.json");
    let forgotten = plan["releases"][1]["components"].as_array_mut().unwrap().remove(0);
    world.folder.write("plan.json", plan.to_string());
    let packed = world.run("pack --plan plan.json --release-key release.asc --key signer.key -o up.ombundle");
    assert_eq!(packed.code, 0, "{}", packed.stderr);
    let verified =
        world.run("verify up.ombundle --trust-key signer.pub --release-key release.asc --format json");
    let image = forgotten["image"].as_str().unwrap();
    assert_told(
        &verified,
        6,
        &[
            "error RELEASE_NOT_WHOLE release 4.20.5 for amd64: its plan does not name 1 image of it",
            image,
            "(do not import it",
        ],
    );
}

#[test]
fn a_store_that_does_not_answer_is_not_an_unsigned_release() {
    let (world, digests) = World::with_way();
    let path = signature_path(digests[2]);
    world.answer(&path, Answer::new(404));
    assert_told(
        &world.plan(WAY),
        4,
        &["error RELEASE_UNVERIFIED release 4.20.5: release sha256:", "has no signature", "(look for"],
    );
    world.answer(&path, Answer::new(200).with("Content-Type", "text/html").body("<html>"));
    let page = world.plan(WAY);
    assert_eq!(page.code, 7, "{}", page.stderr);
    assert!(page.stderr.contains("it sent a web page (text/html) and no document"), "{}", page.stderr);
    world.answer(&path, Answer::new(200).body(vec![0x90; 60 << 10]));
    let endless = world.plan(WAY);
    assert_eq!(endless.code, 7, "{}", endless.stderr);
    assert!(endless.stderr.contains("51200"), "{}", endless.stderr);
    let without_keys = world.run(&format!("plan {WAY} {}", world.places()));
    assert_told(
        &without_keys,
        2,
        &["error RELEASE_NO_KEYS releases: ", "(name the vendor's public keys with `--release-key`"],
    );
}

/// Nothing of a release is read before somebody who is trusted stands for it.
#[test]
fn a_release_is_believed_before_its_layers_are_read() {
    let (world, digests) = World::with_way();
    let path = signature_path(digests[2]);
    world.answer(&path, Answer::new(404));
    let layers =
        |world: &World| world.registry.log().matches(&format!("\"GET /v2/{RELEASES}/blobs/")).count();
    let plan = format!("plan --from-release 4.20.0 --to-release 4.20.5 --format json {}", world.places());
    // The release that runs is looked into for its gates, and its signature is good: it is left out here.
    world.answer(&signature_path(digests[1]), Answer::new(404));
    let refused = world.run(&format!("{plan} --release-key release.asc"));
    assert_told(&refused, 4, &["error RELEASE_UNVERIFIED release 4.20.5: "]);
    assert_eq!(layers(&world), 0, "{}", world.registry.log());
    world.sign(digests[2], "4.20.5");
    assert_eq!(world.run(&format!("{plan} --release-key release.asc")).code, 0);
    assert!(layers(&world) > 0, "the log shows what is read");
}

/// A signature file, and why it must not be believed.
struct Forgery {
    name: &'static str,
    file: Vec<u8>,
    why: &'static str,
}

/// What peers take: a signature that gpg calls BAD, an edited body, another digest; and what they do not.
fn forgeries(world: &World, release: Digest) -> Vec<Forgery> {
    let plain = ["--compress-algo", "none"];
    let good = world.gpg.sign(&world.key, MADE, &plain, claim(release, "4.20.5").as_bytes());
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    let at = good.windows(6).position(|window| window == b"4.20.5").unwrap();
    let mut edited = good;
    edited[at + 5] = b'6';
    let other = claim(Digest::of(b"another release"), "4.20.5");
    let foreign = world.gpg.key("ed25519", "20260102T000000", "never");
    let of = |name, file, why| Forgery { name, file, why };
    vec![
        of("bad", bad, "does not fit: the content or the signature was changed"),
        of("edited", edited, "does not fit: the content or the signature was changed"),
        of(
            "other digest",
            world.gpg.sign(&world.key, MADE, &[], other.as_bytes()),
            "what was signed is sha256:",
        ),
        of(
            "foreign key",
            world.gpg.sign(&foreign, "20260102T000000", &[], claim(release, "4.20.5").as_bytes()),
            "which is not trusted",
        ),
        of("no signature", Vec::new(), "it is empty"),
    ]
}

#[test]
fn forged_signatures_are_refused_at_every_step() {
    let (world, digests) = World::with_way();
    let ended = world.plan(WAY);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let good = std::fs::read(world.folder.path().join("plan.json")).unwrap();
    let plan = Plan::parse(&good, &LIMITS).unwrap();
    let key = std::fs::read(world.folder.path().join("release.asc")).unwrap();
    let keys = ReleaseKeys::any_of([("release.asc", key.as_slice())], &LIMITS).unwrap();
    assert_eq!(prove(&plan, Some(&keys), now(), &LIMITS).unwrap().len(), 2);
    assert!(prove(&plan, None, now(), &LIMITS).is_err());
    for Forgery { name, file, why } in forgeries(&world, digests[2]) {
        // What `verify` and `import` ask.
        let mut forged = plan.clone();
        forged.releases[1].signatures[0].file = Base64(file.clone());
        let error = prove(&forged, Some(&keys), now(), &LIMITS).unwrap_err();
        let findings = error.findings();
        assert_eq!(findings.len(), 1, "{name}");
        assert_eq!(findings[0].subject, "release 4.20.5 for amd64");
        assert!(findings[0].message.contains(why), "{name}: {findings:?}");
        // A plan that somebody changed on its way to `pack`.
        let mut text: Value = serde_json::from_slice(&good).unwrap();
        text["releases"][1]["signatures"][0]["file"] = json!(STANDARD.encode(&file));
        world.folder.write("forged.json", text.to_string());
        let packed =
            world.run("pack --plan forged.json --release-key release.asc --key signer.key -o up.ombundle");
        assert_eq!(packed.code, 4, "{name}: {}", packed.stderr);
        assert!(packed.stderr.contains(why), "{name}: {}", packed.stderr);
        assert!(!world.folder.path().join("up.ombundle").exists());
        // A store that somebody changed.
        world.publish(digests[2], &file);
        assert_told(&world.plan(WAY), 4, &["error RELEASE_UNVERIFIED release 4.20.5: ", why]);
    }
}

#[test]
fn the_keys_count_as_they_are_now() {
    let (world, digests) = World::with_way();
    let pack = |keys: &str, output: &str| {
        world.run(&format!(
            "pack --from-release 4.20.0 --to-release 4.20.5 {} {keys} --key signer.key -o {output}",
            world.places()
        ))
    };
    // Without the blank line behind the armor header, as Red Hat publishes its own.
    let armored = String::from_utf8(world.gpg.export(&world.key)).unwrap();
    world.folder.write("tight.asc", armored.replacen("BLOCK-----\n\n", "BLOCK-----\n", 1));
    let packed = pack("--release-key tight.asc", "tight.ombundle");
    assert_eq!(packed.code, 0, "{}", packed.stderr);

    // Somebody else signed, for whoever trusts them: not for us.
    let foreign = world.gpg.key("ed25519", "20260103T000000", "never");
    world.folder.write("foreign.asc", world.gpg.export(&foreign));
    for (version, digest) in [("4.20.0", digests[1]), ("4.20.5", digests[2])] {
        let file = world.gpg.sign(&foreign, "20260103T000000", &[], claim(digest, version).as_bytes());
        world.publish(digest, &file);
    }
    let packed = pack("--release-key foreign.asc", "foreign.ombundle");
    assert_eq!(packed.code, 0, "{}", packed.stderr);
    let verify = |words: &str| {
        world.run(&format!("verify foreign.ombundle --trust-key signer.pub {words} --format json"))
    };
    assert_eq!(verify("--release-key foreign.asc").code, 0);
    let refused = verify("--release-key release.asc");
    assert_told(
        &refused,
        4,
        &["error RELEASE_UNVERIFIED release 4.20.5 for amd64: ", "which is not trusted", "(compare the key"],
    );
    let verdict: Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_eq!((&verdict["verdict"], &verdict["inventory"]), (&json!("refused"), &Value::Null));
    // A site that trusts nobody for releases takes none.
    world.folder.write(
        "site.yaml",
        "apiVersion: ombundle.dev/v1\nkind: Site\nmetadata: {name: here}\nspec:\n  staging: {registry: 127.0.0.1:1}\n  production: {registry: 127.0.0.1:2}\n  trust: {keys: [signer.pub]}\n",
    );
    let refused = world.run("verify foreign.ombundle --site site.yaml --format json");
    assert_told(
        &refused,
        4,
        &["error RELEASE_UNVERIFIED", "no key is trusted to sign releases", "`spec.releases.keys`"],
    );

    // A key that was good when it signed, and has expired since.
    let old = world.gpg.key("ed25519", "20200101T000000", "1y");
    world.folder.write("old.asc", world.gpg.export(&old));
    for (version, digest) in [("4.20.0", digests[1]), ("4.20.5", digests[2])] {
        let file = world.gpg.sign(&old, "20200102T000000", &[], claim(digest, version).as_bytes());
        world.publish(digest, &file);
    }
    let ended = pack("--release-key old.asc", "old.ombundle");
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    assert!(ended.stderr.contains("expired on 2020-12-31"), "{}", ended.stderr);
    let moment: Moment = "2020-06-01T00:00:00Z".parse().unwrap();
    let plan = Plan::parse(&plan_signed_by(&world, &old, &digests), &LIMITS).unwrap();
    let key = world.gpg.export(&old);
    let keys = ReleaseKeys::any_of([("old.asc", key.as_slice())], &LIMITS).unwrap();
    assert_eq!(prove(&plan, Some(&keys), moment, &LIMITS).unwrap().len(), 2);
    assert!(prove(&plan, Some(&keys), now(), &LIMITS).is_err());
    let asked: BTreeSet<String> = world.peer.asked().into_iter().map(|asked| asked.path).collect();
    assert!(asked.contains(&signature_path(digests[2])), "{asked:?} {RELEASES}");
}

/// A plan whose signatures are by another key.
fn plan_signed_by(world: &World, key: &str, digests: &[Digest; 3]) -> Vec<u8> {
    for (version, digest) in [("4.19.3", digests[0]), ("4.20.0", digests[1]), ("4.20.5", digests[2])] {
        world.sign(digest, version);
    }
    assert_eq!(world.plan(WAY).code, 0);
    let mut plan = world.json("plan.json");
    for (index, version) in ["4.20.0", "4.20.5"].into_iter().enumerate() {
        let file = world.gpg.sign(key, "20200102T000000", &[], claim(digests[index + 1], version).as_bytes());
        plan["releases"][index]["signatures"][0]["file"] = json!(STANDARD.encode(file));
    }
    plan.to_string().into_bytes()
}
