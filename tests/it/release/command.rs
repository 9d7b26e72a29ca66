//! `release path`, asked by the binary of a server on loopback and of files.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::{Value, json};

use super::real::STORED;
use crate::cli::world::{Ended, Folder, against};
use crate::support::peer::{Answer, Asked, Peer};
use crate::support::shared;

/// Release images differ by their version.
fn payload(version: &str) -> String {
    let number: u64 =
        version.bytes().filter(u8::is_ascii_digit).fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    format!("quay.io/openshift-release-dev/ocp-release@sha256:{number:064x}")
}

/// A reply for one channel: 4.(y-1).0 → 4.y.0 → 4.y.1, and 4.y.0 → 4.y.2 with a risk.
fn reply(minor: u64) -> Value {
    let versions = [
        format!("4.{}.0", minor - 1),
        format!("4.{minor}.0"),
        format!("4.{minor}.1"),
        format!("4.{minor}.2"),
    ];
    let channels = format!("stable-4.{minor},stable-4.{}", minor + 1);
    let node = |version: &String| {
        json!({"version": version, "payload": payload(version),
               "metadata": {"io.openshift.upgrades.graph.release.channels": channels}})
    };
    let rules = json!([{"type": "PromQL", "promql": {"promql": "group(up)"}}]);
    json!({
        "version": 1,
        "nodes": versions.iter().map(node).collect::<Vec<_>>(),
        "edges": [[0, 1], [1, 2]],
        "conditionalEdges": [{
            "edges": [{"from": versions[1], "to": versions[3]}],
            "risks": [{"name": "DiskFull", "url": "https://e.example/disk", "message": "Disks\u{1b}[2J fill up.", "matchingRules": rules}],
        }],
    })
}

fn served(asked: &Asked) -> Answer {
    let minor =
        asked.path.split("channel=stable-4.").nth(1).and_then(|rest| rest.split('&').next()?.parse().ok());
    match minor {
        Some(minor) => {
            Answer::new(200).with("Content-Type", "application/json").body(reply(minor).to_string())
        }
        None => Answer::new(404),
    }
}

fn parsed(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stdout))
}

#[test]
fn the_way_is_asked_for_and_printed_for_scripts() {
    let peer = Peer::start(served);
    let folder = Folder::new();
    let line = format!(
        "release path --channel stable-4.20 --from 4.19.0 --to 4.20.1 --graph http://{}/graph --format json",
        peer.host()
    );
    let ended = folder.run(&line);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let path = parsed(&ended);
    assert_eq!(against("release-path.v1.json", &path), [""; 0]);
    assert_eq!(
        json!([path["from"], path["to"], path["channel"]]),
        json!(["4.19.0", "4.20.1", "stable-4.20"])
    );
    let hops: Vec<Value> = path["hops"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hop| json!([hop["version"], hop["payload"], hop["risks"]]))
        .collect();
    assert_eq!(hops, [json!(["4.20.0", payload("4.20.0"), []]), json!(["4.20.1", payload("4.20.1"), []])]);
    let asked = peer.asked();
    assert_eq!(
        asked.iter().map(|asked| asked.path.as_str()).collect::<Vec<_>>(),
        ["/graph?channel=stable-4.20&arch=amd64"]
    );
    assert_eq!(asked[0].header("accept"), Some("application/json"));
}

#[test]
fn credentials_stay_at_home_even_where_they_are_asked_for() {
    let peer = Peer::start(|_| Answer::new(401).with("WWW-Authenticate", "Basic realm=\"graph\""));
    let folder = Folder::new();
    let auth = json!({"auths": {peer.host(): {"auth": "YWxpY2U6d29uZGVybGFuZA=="}}});
    folder.write("auth.json", auth.to_string());
    let ended = folder.run(&format!(
        "release path --channel stable-4.20 --from 4.19.0 --graph http://{}/graph --authfile auth.json",
        peer.host()
    ));
    assert_eq!(ended.code, 7, "{}", ended.stderr);
    assert!(ended.stderr.contains("authentication failed (none are sent there)"), "{}", ended.stderr);
    assert_eq!((peer.asked().len(), peer.credentials_seen()), (1, vec![]));
}

#[test]
fn several_minors_are_crossed_over_their_channels() {
    let peer = Peer::start(served);
    let ended = Folder::new().run(&format!(
        "release path --from 4.17.0 --to 4.20.1 --arch arm64 --graph http://{}/graph --format json",
        peer.host()
    ));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stderr, "no channel is named: stable-4.20 is taken, after the target\n");
    let path = parsed(&ended);
    let versions: Vec<&str> =
        path["hops"].as_array().unwrap().iter().map(|hop| hop["version"].as_str().unwrap()).collect();
    assert_eq!(versions, ["4.18.0", "4.19.0", "4.20.0", "4.20.1"]);
    let asked: Vec<String> = peer.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(asked, ["18", "19", "20"].map(|minor| format!("/graph?channel=stable-4.{minor}&arch=arm64")));
}

#[test]
fn a_risk_ends_with_10_until_it_is_accepted() {
    let folder = Folder::new();
    folder.write("reply.json", reply(20).to_string());
    let line = "release path --channel stable-4.20 --from 4.20.0 --to 4.20.2 --graph reply.json";
    let refused = folder.run(&format!("{line} --format json"));
    assert_eq!(refused.code, 10, "{}", refused.stderr);
    let report = parsed(&refused);
    assert_eq!(against("release-path.v1.json", &report), [""; 0]);
    assert_eq!(report["findings"][0]["code"], "RISK_NOT_ACCEPTED");
    let risk = &report["hops"][0]["risks"][0];
    assert_eq!(
        json!([risk["name"], risk["url"], risk["accepted"]]),
        json!(["DiskFull", "https://e.example/disk", false])
    );
    assert_eq!(risk["matchingRules"], json!([{"type": "PromQL", "promql": "group(up)"}]));
    assert!(refused.stderr.contains("the way has risks that are not accepted"), "{}", refused.stderr);

    let text = folder.run(line);
    assert_eq!(text.code, 10);
    for says in ["error[RISK_NOT_ACCEPTED]: 4.20.0 → 4.20.2: the risk DiskFull", "`--accept-risk DiskFull`"]
    {
        assert!(text.stderr.contains(says), "{}", text.stderr);
    }
    let shown = "     risk DiskFull (not accepted): Disks\\u{1b}[2J fill up.\n       https://e.example/disk\n       PromQL: group(up)\n";
    assert!(text.stdout.contains(shown), "{}", text.stdout);

    let taken = folder.run(&format!("{line} --accept-risk DiskFull"));
    assert_eq!((taken.code, taken.stderr.as_str()), (0, ""));
    assert!(taken.stdout.contains("risk DiskFull (accepted)"), "{}", taken.stdout);
    let other = folder.run(&format!("{line} --accept-risk DiskFul"));
    assert_eq!(other.code, 10);
    assert!(
        other.stderr.contains("warning[RISK_UNKNOWN]: DiskFul")
            && other.stderr.contains("did you mean DiskFull?"),
        "{}",
        other.stderr
    );
}

#[test]
fn no_way_ends_with_its_reason() {
    let folder = Folder::new();
    folder.write("reply.json", reply(20).to_string());
    folder.write("broken.json", reply(20).to_string().replace("[0,1]", "[0,9]"));
    for (line, exit, code) in [
        ("--from 4.20.2 --to 4.20.1 --graph reply.json", 10, "NO_PATH"),
        ("--from 4.30.0 --to 4.20.1 --graph reply.json", 10, "NO_PATH"),
        ("--from 4.18.9 --to 4.20.1 --graph reply.json", 10, "UNKNOWN_RELEASE"),
        ("--from 4.20.0 --channel stable-4.21 --graph reply.json", 10, "NO_HEAD"),
        ("--from 4.20.0 --to 4.20.1 --graph broken.json", 3, "GRAPH_EDGE_RANGE"),
    ] {
        let ended = folder.run(&format!("release path {line} --format json"));
        assert_eq!(ended.code, exit, "{line}: {}", ended.stderr);
        let report = parsed(&ended);
        assert_eq!(against("release-path.v1.json", &report), [""; 0]);
        assert_eq!((&report["hops"], &report["findings"][0]["code"]), (&Value::Null, &json!(code)), "{line}");
    }
}

#[test]
fn a_folder_of_graph_data_and_what_releases_say() {
    let folder = Folder::new();
    folder.write(
        "data/channels/stable-4.20.yaml",
        "name: stable-4.20\nversions:\n- 4.20.0\n- 4.20.1\n- 4.20.2\n",
    );
    folder.write("data/blocked-edges/4.20.2.yaml", "to: 4.20.2\nfrom: ^4[.]20[.]0[+]amd64$\n");
    folder.write("data/.git/objects/pack", [0; 64]);
    let release = |version: &str, previous: &[&str]| json!({"kind": "cincinnati-metadata-v0", "version": version, "previous": previous, "payload": payload(version)});
    let all = json!([
        release("4.20.0", &[]),
        release("4.20.1", &["4.20.0"]),
        release("4.20.2", &["4.20.0", "4.20.1"])
    ]);
    folder.write("releases.json", all.to_string());
    let ended = folder.run(
        "release path --channel stable-4.20 --from 4.20.0 --graph data --graph releases.json --format json",
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let path = parsed(&ended);
    assert_eq!(path["hops"][1]["payload"], json!(payload("4.20.2")));
    assert_eq!(path["hops"].as_array().unwrap().len(), 2);
    let alone = folder.run("release path --channel stable-4.20 --from 4.20.0 --graph data");
    assert_eq!(alone.code, 10);
    assert!(alone.stderr.contains("error[GRAPH_NO_EDGES]"), "{}", alone.stderr);
}

#[test]
fn a_server_that_answers_something_else_is_told_with_a_remedy() {
    let answers = |asked: &Asked| match asked.path.split('?').next().unwrap_or_default() {
        "/html" => {
            Answer::new(200).with("Content-Type", "text/html; charset=utf-8").body("<html>login</html>")
        }
        "/json-html" => Answer::new(200).with("Content-Type", "application/json").body("<html>login</html>"),
        "/large" => Answer { length: Some(17 << 20), ..Answer::new(200).body("{") },
        "/denied" => Answer::new(403),
        "/refused" => Answer::new(400)
            .with("Content-Type", "application/json")
            .body("{\"kind\":\"invalid_params\",\"value\":\"channel\"}"),
        "/away" => Answer::new(302).with("Location", "http://nowhere.example/graph"),
        _ => Answer::new(404),
    };
    let peer = Peer::start(answers);
    let folder = Folder::new();
    for (path, code, says) in [
        (
            "html",
            7,
            &["it sent a web page (text/html) and no document", "hint: a proxy on the way may want a login"]
                [..],
        ),
        (
            "json-html",
            3,
            &["error[GRAPH_SYNTAX]", "expected value at line 1 column 1", "hint: a reply has `nodes`"],
        ),
        ("large", 7, &["the answer is larger than 16777216 bytes", "hint: something else answers there"]),
        ("denied", 7, &["access denied", "hint: "]),
        ("refused", 7, &["status 400", "invalid_params"]),
        (
            "graph",
            7,
            &["there is no update graph at http://127.0.0.1", "(404)", "hint: the address ends in `/graph`"],
        ),
    ] {
        let ended = folder.run(&format!(
            "release path --channel stable-4.20 --from 4.20.0 --retries 0 --graph http://{}/{path}",
            peer.host()
        ));
        assert_eq!(ended.code, code, "{path}: {}", ended.stderr);
        for text in says {
            assert!(ended.stderr.contains(text), "{path}: `{text}` is not in: {}", ended.stderr);
        }
    }
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let endless = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n");
        let mut sent = 0_u64;
        // Until the other side hangs up; a client that reads on for ever would get 256 MiB.
        while sent < 256 << 20 && stream.write_all(&[b' '; 8192]).is_ok() {
            sent += 8192;
        }
        sent
    });
    let ended = Folder::new().run(&format!(
        "release path --channel stable-4.20 --from 4.20.0 --retries 0 --graph http://{address}/graph"
    ));
    assert_eq!(ended.code, 7, "{}", ended.stderr);
    assert!(ended.stderr.contains("the answer is larger than 16777216 bytes"), "{}", ended.stderr);
    assert!(endless.join().unwrap() < 64 << 20);
}

#[test]
fn sources_that_cannot_be_used_are_2() {
    let folder = Folder::new();
    for (line, says) in [
        (
            "--from 4.19.0 --to 4.20.0 --graph none.json",
            "`none.json` is neither a file, nor a folder, nor an address",
        ),
        (
            "--from 4.19.0 --to 4.20.0 --graph http://update.example/graph",
            "say so with `--plain-http update.example`",
        ),
        ("--from 4.19.0 --to 4.20.0 --graph https://", "is not an address that can be asked"),
        ("--from 4.19.0", "neither a target nor a channel is named"),
        ("--from 4.19 --to 4.20.0", "invalid value '4.19' for '--from <VERSION>'"),
        ("--from 4.19.0 --to 4.20.0 --arch x86", "`x86` is no architecture of OpenShift"),
        ("--from 4.19.0 --channel Stable-4.20", "`Stable-4.20` is no update channel"),
    ] {
        let ended = folder.run(&format!("release path {line}"));
        assert_eq!(ended.code, 2, "{line}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{line}: {}", ended.stderr);
    }
    let ended = folder
        .run("release path --from 4.19.0 --to 4.20.0 --graph https://alice:wonderland@update.example/graph");
    assert_eq!(ended.code, 7);
    assert!(!ended.stderr.contains("wonderland"), "{}", ended.stderr);
}

#[test]
fn a_stored_reply_served_and_from_its_file() {
    let Some(data) = shared::data() else { return };
    let stored = data.join(STORED);
    let bytes = std::fs::read(&stored).unwrap();
    let peer =
        Peer::start(move |_| Answer::new(200).with("Content-Type", "application/json").body(bytes.clone()));
    let folder = Folder::new();
    let run = |graph: &str| {
        let ended = folder.run_with(&[
            "release",
            "path",
            "--channel",
            "stable-4.13",
            "--from",
            "4.12.0",
            "--graph",
            graph,
            "--format",
            "json",
        ]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        parsed(&ended)
    };
    let (served, kept) = (run(&format!("http://{}/graph", peer.host())), run(stored.to_str().unwrap()));
    assert_eq!(served, kept);
    let hops: Vec<&str> =
        served["hops"].as_array().unwrap().iter().map(|hop| hop["version"].as_str().unwrap()).collect();
    assert_eq!(hops, ["4.12.58", "4.13.43"]);
}
