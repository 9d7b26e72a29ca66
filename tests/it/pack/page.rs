//! The page that people look at, in a real browser: on a desk, on a telephone, on paper, and with names that mean harm.

use std::path::{Path, PathBuf};

use ombundle::demo::Generation;
use ombundle::digest::Digest;
use ombundle::limits::LIMITS;
use ombundle::page::{Language, Occasion, page};
use ombundle::plan::Plan;
use serde_json::{Value, json};

use super::stage::Stage;
use crate::support::chromium::Chromium;

/// Pixels between the margins of a sheet of A4 in the page's own style: 182 mm.
const SHEET: u32 = 688;

/// What stands out of the page on the right, but for what scrolls by itself.
const OUTSIDE: &str = "(() => { const width = document.documentElement.clientWidth; \
    const scrolls = (it) => it.closest('.scroll, pre') && matchMedia('screen').matches; \
    return [...document.querySelectorAll('body *')].filter((it) => !it.closest('.hidden, [name=language]')) \
    .filter((it) => !(scrolls(it) && !it.matches('.scroll, pre')) && it.getBoundingClientRect().right > width + 1) \
    .map((it) => it.outerHTML.slice(0, 200)); })()";

/// How many languages are to be seen.
const LANGUAGES: &str = "new Set([...document.querySelectorAll('span[lang]')] \
    .filter((it) => it.offsetParent !== null).map((it) => it.lang)).size";

fn planned(stage: &Stage) -> Value {
    stage.plan();
    stage.json("plan.json")
}

/// The page of a plan, in a file of the stage.
fn written(stage: &Stage, plan: Value) -> PathBuf {
    let plan: Plan = serde_json::from_value(plan).unwrap();
    let occasion = Occasion {
        plan_digest: Digest::of(b"a plan"),
        sealed: None,
        notes: &[],
        language: Language::English,
    };
    stage.write("page.html", page(&plan, &occasion, &LIMITS));
    stage.path("page.html")
}

/// Whether the page is whole on this width, in every language; and nothing was asked for or complained of.
fn fits(browser: &mut Chromium, page: &Path, media: &str, width: u32) {
    browser.show_as(media, "light");
    browser.open(page, width, 900);
    for language in Language::ALL {
        let code = language.code();
        browser.value(&format!("document.querySelector('label.of-{code}').click()"));
        assert_eq!(browser.value(LANGUAGES), json!(1), "{code}");
        assert_eq!(browser.value(OUTSIDE), json!([]), "{media} {width} {code}");
        let scroll = browser.value("document.documentElement.scrollWidth").as_u64().unwrap();
        assert!(scroll <= u64::from(width), "{media} {width} {code}: {scroll}");
    }
    assert_eq!(browser.requests(), [format!("file://{}", page.display())]);
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
}

/// A plan with OpenShift's way, several operators' graphs and findings, from the demo's own.
fn rich(stage: &Stage) -> Value {
    let mut plan = planned(stage);
    let hop = |from: &str, to: &str, change: &str| {
        json!({"version": to, "payload": null, "from": from, "change": change, "kubernetes": "1.33", "reason": "the newest",
            "risks": [{"name": "SomethingKnown", "url": "https://issues.example/1", "message": "It may hurt. ".repeat(9),
                "matchingRules": [], "accepted": true}]})
    };
    plan["release_path"] = json!({"channel": "stable-4.20", "architecture": "amd64", "from": "4.19.3", "to": "4.20.5",
        "hops": [hop("4.19.3", "4.19.18", "patch"), hop("4.19.18", "4.20.5", "minor")]});
    plan["order"] = json!([{"step": "open-shift", "from": "4.19.3", "to": "4.20.5"},
        {"step": "operator", "catalog": plan["catalogs"][0]["source"], "package": "web-terminal",
            "from": "web-terminal.v1.8.0", "to": "web-terminal.v1.9.0", "why": {"rule": "needs-kubernetes", "kubernetes": "1.33"}}]);
    plan["findings"] = json!([{"severity": "warning", "code": "LONG", "subject": "image ".to_owned() + &"x".repeat(300),
        "message": "w".repeat(300), "hint": "h".repeat(300)}]);
    plan
}

#[test]
fn a_browser_shows_it_on_a_desk_on_a_telephone_and_on_paper() {
    let stage = Stage::new(Generation::First);
    let plan = rich(&stage);
    let file = written(&stage, plan);
    let mut browser = Chromium::start();
    for (media, width) in [("screen", 1280), ("screen", 360), ("print", SHEET)] {
        fits(&mut browser, &file, media, width);
        let picture = browser.picture();
        browser.open(Path::new("/dev/null"), width, 900);
        let blank = browser.picture();
        assert!(
            picture.starts_with(b"\x89PNG") && picture.len() > 4 * blank.len(),
            "{} {}",
            picture.len(),
            blank.len()
        );
    }
    browser.show_as("", "light");
    browser.open(&file, 1280, 900);
    let paper = browser.print();
    assert!(paper.starts_with(b"%PDF") && paper.len() > 20_000, "{}", paper.len());
}

/// The words in the dark are those of the night, and what is drawn is too.
#[test]
fn a_browser_shows_it_in_the_dark() {
    let stage = Stage::new(Generation::First);
    let plan = rich(&stage);
    let file = written(&stage, plan);
    let mut browser = Chromium::start();
    let ground = "getComputedStyle(document.body).backgroundColor";
    let lane = "getComputedStyle(document.querySelector('.og-panel')).fill";
    let tile = "getComputedStyle(document.querySelector('.tm-0 .tm-tile')).fill";
    let mut seen = Vec::new();
    for (media, scheme) in [("screen", "light"), ("screen", "dark"), ("print", "dark")] {
        browser.show_as(media, scheme);
        browser.open(&file, 1280, 900);
        seen.push([ground, lane, tile].map(|what| browser.value(what)));
    }
    assert!(seen[0].iter().zip(&seen[1]).all(|(light, dark)| light != dark), "{seen:?}");
    // Paper is light.
    assert_eq!(seen[0], seen[2]);
}

/// Names from a catalog or a registry that would be markup, scripts, requests, or turn the direction of writing.
const HOSTILE: [&str; 6] = [
    "</title></style><script>window.harm = 1</script>",
    "\"><img src=https://evil.example/x onerror=\"window.harm = 1\">",
    "' onmouseover='window.harm = 1' x='",
    "<style>body{display:none}</style><base href=https://evil.example/>",
    "gnp.\u{202e}elbissop\u{2066}\u{200b}\u{7}\n\u{0}",
    "`</code><meta http-equiv=refresh content=0;url=https://evil.example/>`",
];

/// Every text of a plan that comes from outside, made hostile.
fn hostile(value: &mut Value, word: &str) {
    const CHECKED: [&str; 14] = [
        "format",
        "kind",
        "source",
        "digest",
        "mediaType",
        "tag",
        "severity",
        "step",
        "rule",
        "catalog",
        "change",
        "created",
        "expires",
        "edge",
    ];
    match value {
        Value::String(text) => *text = format!("{text}{word}"),
        Value::Array(all) => all.iter_mut().for_each(|value| hostile(value, word)),
        Value::Object(fields) => {
            let open = fields.iter_mut().filter(|(name, _)| !CHECKED.contains(&name.as_str()));
            open.for_each(|(_, value)| hostile(value, word));
        }
        _ => {}
    }
}

#[test]
fn names_that_mean_harm_stay_names() {
    let stage = Stage::new(Generation::First);
    let sound = rich(&stage);
    let mut browser = Chromium::start();
    for word in HOSTILE {
        let mut plan = sound.clone();
        for part in ["findings", "order", "release_path", "tool", "channel", "target"] {
            hostile(&mut plan[part], word);
        }
        for part in ["packages", "delta"] {
            hostile(&mut plan["catalogs"][0][part], word);
        }
        for image in plan["images"].as_array_mut().unwrap() {
            hostile(&mut image["reasons"], word);
        }
        let file = written(&stage, plan);
        fits(&mut browser, &file, "screen", 360);
        assert_eq!(browser.value("typeof window.harm"), json!("undefined"), "{word}");
        assert_eq!(
            browser.value("document.querySelectorAll('script, img, base, iframe, object, form').length"),
            json!(0)
        );
        assert_eq!(browser.value("document.querySelectorAll('meta[http-equiv]').length"), json!(1));
        assert_eq!(browser.value("document.querySelectorAll('style').length"), json!(1));
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\u{7}', '\u{0}']), "{word}");
    }
}

/// Should markup get in after all, the page's own policy keeps it from running and loading.
#[test]
fn what_got_in_all_the_same_could_do_nothing() {
    let stage = Stage::new(Generation::First);
    let plan = rich(&stage);
    let file = written(&stage, plan);
    let text = std::fs::read_to_string(&file).unwrap();
    let harm = "<script>window.harm = 1</script><img src=\"file:///etc/hostname\"><style>h1{display:none}</style>\
                <p id=p style=\"display:none\" onclick=\"window.harm = 1\">p</p>";
    std::fs::write(&file, text.replace("<h1>", &format!("{harm}<h1>"))).unwrap();
    let mut browser = Chromium::start();
    browser.open(&file, 1280, 900);
    browser.value("document.querySelector('#p').click()");
    assert_eq!(browser.value("typeof window.harm"), json!("undefined"));
    assert_eq!(browser.value("getComputedStyle(document.querySelector('h1')).display"), json!("block"));
    assert_eq!(browser.value("getComputedStyle(document.querySelector('#p')).display"), json!("block"));
    assert_eq!(browser.arrivals(), [format!("file://{}", file.display())]);
    assert!(!browser.complaints().is_empty());
}

#[test]
fn the_page_beside_an_archive_comes_out_of_it_again() {
    let stage = Stage::new(Generation::First);
    stage.plan();
    for (name, more) in [("a.ombundle", &[][..]), ("b.ombundle", &["--volume-size", "1MiB"])] {
        stage.pack(name, more).ended(0);
        let beside = String::from_utf8(stage.read(&format!("{name}.PAGE.html"))).unwrap();
        let line = ["inspect", name, "--trust-key", "signer.pub", "--format", "html", "-o", "shown.html"];
        stage.run(&line).ended(0);
        assert_eq!(String::from_utf8(stage.read("shown.html")).unwrap(), beside);
        let is_volume = |file: &String| file.starts_with(&format!("{name}.0")) && !file.ends_with("json");
        let volumes: Vec<String> = stage.names().into_iter().filter(is_volume).collect();
        assert_eq!(volumes.is_empty(), more.is_empty(), "{volumes:?}");
        assert!(volumes.iter().all(|file| beside.contains(&format!(">{file}<"))), "{volumes:?}");
        // The language chooses what is shown first, nothing else.
        let korean = stage.run(&[&line[..6], &["--lang", "ko"]].concat()).ended(0).stdout;
        let other =
            beside.replace("<html lang=\"en\">", "<html lang=\"ko\">").replace("in-en\" checked", "in-en\"");
        assert_eq!(korean, other.replace("id=\"in-ko\"", "id=\"in-ko\" checked"));
    }
    stage
        .run(&["inspect", "a.ombundle", "--trust-key", "signer.pub", "--format", "html", "--lang", "fr"])
        .ended(2);
}
