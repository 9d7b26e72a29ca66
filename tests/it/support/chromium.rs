//! Debian's Chromium, headless, spoken to over a pipe of its own: no port, no network, ended by its id.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// How long it may take to leave by itself.
const FAREWELL: Duration = Duration::from_secs(10);

/// A browser with one tab.
pub(crate) struct Chromium {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    session: Option<String>,
    calls: u64,
    /// What it said without being asked, since the last page was opened.
    said: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Chromium {
    /// Starts it. The commands go in and out by file descriptors 3 and 4 (`--remote-debugging-pipe`), a zero byte after each.
    pub(crate) fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "exec chromium \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", "sh"]);
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--remote-debugging-pipe",
        ]);
        command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        command.args(["--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND"]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", profile.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (to, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, from) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(out).split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else { return };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut chromium =
            Self { child, to, from, session: None, calls: 0, said: Vec::new(), _profile: profile };
        let target = chromium.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = chromium.call("Target.attachToTarget", attach);
        chromium.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network", "Audits"] {
            chromium.call(&format!("{domain}.enable"), json!({}));
        }
        chromium
    }

    /// Sends a command and waits for what comes of it.
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let sent = self.to.write_all(format!("{message}\0").as_bytes());
        assert!(sent.is_ok(), "chromium does not run: `./x deps` installs it");
        loop {
            let message = self.next();
            if message["id"] == json!(id) {
                assert!(message.get("error").is_none(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.said.push(message);
        }
    }

    fn next(&mut self) -> Value {
        self.from.recv_timeout(PATIENCE).expect("chromium answers; `./x deps` installs it")
    }

    /// Opens a file in a window of this size and waits until it is there.
    pub(crate) fn open(&mut self, page: &Path, width: u32, height: u32) {
        let phone = width < 600;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone});
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        self.said.clear();
        self.call("Page.navigate", json!({"url": format!("file://{}", page.display())}));
        while !self.said.iter().any(|message| message["method"] == "Page.loadEventFired") {
            let message = self.next();
            self.said.push(message);
        }
    }

    /// The value of an expression in the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true});
        let result = self.call("Runtime.evaluate", asked);
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Shows the page as `screen` or `print`, light or dark.
    pub(crate) fn show_as(&mut self, media: &str, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"media": media, "features": features}));
    }

    /// What it looks like, as PNG.
    pub(crate) fn picture(&mut self) -> Vec<u8> {
        let shot = self.call("Page.captureScreenshot", json!({"format": "png"}));
        STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()
    }

    /// What it prints, as PDF.
    pub(crate) fn print(&mut self) -> Vec<u8> {
        let printed =
            self.call("Page.printToPDF", json!({"preferCSSPageSize": true, "printBackground": true}));
        STANDARD.decode(printed["data"].as_str().unwrap()).unwrap()
    }

    /// What the page complained of since it was opened: on the console, by exceptions, or by its own policy.
    pub(crate) fn complaints(&self) -> Vec<&Value> {
        let loud =
            ["Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Audits.issueAdded"];
        self.said.iter().filter(|message| loud.iter().any(|method| message["method"] == *method)).collect()
    }

    /// What the page asked for since it was opened, itself included, be it allowed or not.
    pub(crate) fn requests(&self) -> Vec<&str> {
        self.addresses("Network.requestWillBeSent", "request")
    }

    /// What came of it.
    pub(crate) fn arrivals(&self) -> Vec<&str> {
        self.addresses("Network.responseReceived", "response")
    }

    fn addresses(&self, method: &str, part: &str) -> Vec<&str> {
        let said = self.said.iter().filter(|message| message["method"] == method);
        said.map(|message| message["params"][part]["url"].as_str().unwrap()).collect()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let farewell = json!({"id": 0, "method": "Browser.close"});
        let _ = self.to.write_all(format!("{farewell}\0").as_bytes());
        let end = Instant::now() + FAREWELL;
        while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
