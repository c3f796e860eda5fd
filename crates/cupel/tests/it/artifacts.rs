//! Files that a program leaves behind: which of them are kept, how they are listed, and who can read them; on a
//! server and with `cupel run`.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{NO_RATE_LIMITS, Server, agent, cupel, end, source};

/// Writes files of every kind.
const PROGRAM: &str = r#"
import os, struct, zlib

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

def write(path, data):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)

header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0))
picture = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 14)) + chunk(b"IEND", b"")
write("plots/deep/a.png", picture)
write("plots/copy.txt", picture)
write("plots/html.png", b"<html><script>alert(1)</script></html>")
write("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
write("notes.txt", "h\u00e9llo\n".encode())
write("bytes.bin", b"\xff\x00")
write("empty.txt", b"")
write("odd/qu\"ote; name.txt", b"1")
write("odd/new\nline.txt", b"2")
write("odd/..dots..", b"3")
write("odd/\u00fc.txt", b"4")
write("changed.csv", b"5")
write("large.bin", b"6" * ((4 << 20) + 1))
write("folder.png/inner.txt", b"7")
os.symlink("/etc/passwd", "link.png")
os.symlink("plots", "plots-again")
os.mkfifo("pipe.png")
"#;

fn request(program: &str, artifacts: &[&str]) -> Value {
    json!({
        "language": "python", "source_code": program, "artifacts": artifacts,
        "files": [{ "path": "same.csv", "content": "0" }, { "path": "changed.csv", "content": "0" }],
    })
}

fn finished(server: &Server, request: &Value) -> Value {
    server.result(&server.submit(request))
}

/// The listed files: path, size, media type, and the reason if the content was omitted.
fn listed(result: &Value) -> Vec<(&str, u64, &str, &str)> {
    let files = result["artifacts"].as_array().unwrap_or_else(|| panic!("{result}"));
    files
        .iter()
        .map(|file| {
            let text = |name: &str| file[name].as_str().unwrap_or("");
            (text("path"), file["size_bytes"].as_u64().unwrap(), text("media_type"), text("omitted"))
        })
        .collect()
}

struct Download {
    status: u16,
    headers: ureq::http::HeaderMap,
    data: Vec<u8>,
}

impl Download {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn download(server: &Server, token: &str, url: &str, tag: Option<&str>) -> Download {
    let mut request = agent().get(format!("{}{url}", server.url)).header("authorization", format!("Bearer {token}"));
    if let Some(tag) = tag {
        request = request.header("if-none-match", tag);
    }
    let mut answer = request.call().unwrap();
    Download {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        data: answer.body_mut().read_to_vec().unwrap(),
    }
}

#[test]
fn the_regular_files_that_match_are_kept_with_the_types_of_their_contents() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &NO_RATE_LIMITS);
    let result = finished(&server, &request(PROGRAM, &["*"]));
    assert_eq!(result["verdict"], "AC", "{result}");
    const TEXT: &str = "text/plain; charset=utf-8";
    let picture = result["artifacts"].as_array().unwrap().iter().find(|one| one["path"] == "plots/deep/a.png").unwrap();
    let size = picture["size_bytes"].as_u64().unwrap();
    assert_eq!(
        listed(&result),
        [
            ("bytes.bin", 2, "application/octet-stream", ""),
            ("changed.csv", 1, TEXT, ""),
            ("drawing.svg", 71, TEXT, ""),
            ("empty.txt", 0, TEXT, ""),
            ("folder.png/inner.txt", 1, TEXT, ""),
            ("large.bin", (4 << 20) + 1, "", "file_too_large"),
            ("notes.txt", 7, TEXT, ""),
            ("odd/..dots..", 1, TEXT, ""),
            ("odd/qu\"ote; name.txt", 1, TEXT, ""),
            ("odd/ü.txt", 1, TEXT, ""),
            ("plots/copy.txt", size, "image/png", ""),
            ("plots/deep/a.png", size, "image/png", ""),
            ("plots/html.png", 38, TEXT, ""),
        ]
    );
    assert!(result.get("artifacts_truncated").is_none(), "{result}");

    for file in result["artifacts"].as_array().unwrap() {
        let Some(url) = file["url"].as_str() else { continue };
        let got = download(&server, &server.key, url, None);
        assert_eq!((got.status, got.data.len() as u64), (200, file["size_bytes"].as_u64().unwrap()), "{file}");
        assert_eq!(got.header("content-type"), file["media_type"], "{file}");
        assert_eq!(got.header("etag"), format!("\"{}\"", file["sha256"].as_str().unwrap()));
        assert_eq!(got.header("x-content-type-options"), "nosniff");
        assert_eq!(got.header("cross-origin-resource-policy"), "same-origin");
        let policy = got.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");
        let how = if file["media_type"] == "image/png" { "inline" } else { "attachment" };
        assert!(got.header("content-disposition").starts_with(&format!("{how}; filename*=UTF-8''")), "{file}");
        let again = download(&server, &server.key, url, Some(got.header("etag")));
        assert_eq!((again.status, again.data.len()), (304, 0), "{file}");
    }
    let url = |path: &str| {
        let id = result["submission_id"].as_str().unwrap();
        format!("/api/v1/submissions/{id}/artifacts/{path}")
    };
    let got = download(&server, &server.key, &url("notes.txt"), None);
    assert_eq!(
        (&*got.data, got.header("content-disposition")),
        ("héllo\n".as_bytes(), "attachment; filename*=UTF-8''notes.txt")
    );
    let odd = download(&server, &server.key, &url("odd%2Fqu%22ote%3B%20name.txt"), None);
    assert_eq!(odd.header("content-disposition"), "attachment; filename*=UTF-8''qu%22ote%3B%20name.txt");
    for gone in ["large.bin", "link.png", "pipe.png", "same.csv", "none", "..%2Fmain.py", "%2Fetc%2Fpasswd"] {
        assert_eq!(download(&server, &server.key, &url(gone), None).status, 404, "{gone}");
    }

    // Another user can neither see the files nor find out that they exist.
    let account = json!({ "username": "eve", "email": "eve@users.example", "password": "a-long-password" });
    let (status, registered) = server.call("POST", "/api/v1/auth/register", None, Some(&account));
    assert_eq!(status, 201, "{registered}");
    let login = json!({ "email": "eve@users.example", "password": "a-long-password" });
    let (status, login) = server.call("POST", "/api/v1/auth/login", None, Some(&login));
    assert_eq!(status, 200, "{login}");
    let other = login["access_token"].as_str().unwrap();
    for path in ["notes.txt", "plots%2Fdeep%2Fa.png", "none"] {
        assert_eq!(download(&server, other, &url(path), None).status, 404, "{path}");
    }
    assert_eq!(download(&server, "nonsense", &url("notes.txt"), None).status, 401);
}

#[test]
fn what_exceeds_a_bound_is_listed_without_its_content() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &NO_RATE_LIMITS);
    let many = "for n in range(250):\n    open(f'{n:03}.txt', 'w').write('x')\n";
    let result = finished(&server, &request(many, &["*.txt"]));
    let files = listed(&result);
    assert_eq!((files.len(), &result["artifacts_truncated"]), (200, &json!(true)));
    assert_eq!((files[99].0, files[99].3, files[100].0, files[100].3), ("099.txt", "", "100.txt", "too_many"));

    let large = "for n in range(4):\n    open(f'{n}', 'wb').write(bytes([n]) * (3 << 20))\nopen('z', 'w').write('z')\n";
    let result = finished(&server, &request(large, &["?"]));
    let reasons: Vec<_> = listed(&result).into_iter().map(|(path, _, _, why)| (path, why)).collect();
    assert_eq!(reasons, [("0", ""), ("1", ""), ("2", "no_room"), ("3", "no_room"), ("z", "")]);
    let kept = download(&server, &server.key, result["artifacts"][1]["url"].as_str().unwrap(), None);
    assert!(kept.status == 200 && kept.data == vec![1; 3 << 20], "{} bytes", kept.data.len());
}

#[test]
fn files_of_a_failed_program_are_kept_and_those_of_a_program_that_a_limit_ended_are_not() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &NO_RATE_LIMITS);
    let write = "import os, signal, time\nopen('a.txt', 'w').write('1')\n";
    for (end, verdict, count) in
        [("exit(3)", "RTE", 1), ("os.kill(os.getpid(), signal.SIGKILL)", "RTE", 1), ("while True: pass", "TLE", 0)]
    {
        let mut request = request(&format!("{write}{end}\n"), &["*.txt"]);
        request["limits"] = json!({ "cpu_time_ms": 500 });
        let result = finished(&server, &request);
        let files = result["artifacts"].as_array().map_or(0, Vec::len);
        assert_eq!((result["verdict"].as_str(), files), (Some(verdict), count), "{end}: {result}");
    }
}

#[test]
fn a_cached_result_has_its_artifacts_and_other_patterns_are_another_request() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &NO_RATE_LIMITS);
    let run = |patterns: &[&str]| {
        let mut request = request("open('a.txt', 'w').write('1')\nopen('b.csv', 'w').write('2')\n", patterns);
        request["cache"] = true.into();
        server.post("/api/v1/execute?wait=30", &request)
    };
    let first = run(&["*.txt"]);
    let again = run(&["*.txt"]);
    assert_eq!((&again["cached"], &again["artifacts"]), (&json!(true), &first["artifacts"]), "{first}");
    assert_eq!(listed(&again).len(), 1);
    let other = run(&["*.csv"]);
    assert_eq!((other.get("cached"), listed(&other)[0].0), (None, "b.csv"));
    let url = again["artifacts"][0]["url"].as_str().unwrap();
    assert_eq!(download(&server, &server.key, url, None).data, b"1");
}

/// A directory outside `/tmp`, where every command may write.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap()
}

/// The files below a directory with their contents, sorted.
fn contents(folder: &std::path::Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.push((name, String::from_utf8(std::fs::read(&path).unwrap()).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn run_writes_the_files_that_match_into_a_new_or_empty_directory_here_and_from_a_server() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &NO_RATE_LIMITS);
    let program = "import os\nos.makedirs('p/q')\nopen('a.txt', 'w').write('1')\nopen('p/q/b.txt', 'w').write('2')\n\
                   open('c.csv', 'w').write('3')\nopen('large.txt', 'w').write('x' * (5 << 20))\nprint('done')\n";
    let file = source("make.py", program);
    for there in [false, true] {
        let folder = folder();
        let into = folder.path().join("new/files");
        let mut command = cupel(["run", &file.path, "--artifact", "*.txt", "--into"]);
        command.arg(&into);
        if there {
            command.args(["--server", &server.url]).env("CUPEL_API_KEY", &server.key);
        }
        let ended = end(command, b"");
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "done\n"), "{ended:?}");
        assert!(ended.stderr.contains("2 files in") && ended.stderr.contains("large.txt (5"), "{ended:?}");
        let expected = [("a.txt", "1"), ("p/q/b.txt", "2")].map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(contents(&into), expected);

        // A directory with files is never written to.
        let mut command = cupel(["run", &file.path, "--artifact", "*.csv", "--into"]);
        command.arg(&into);
        if there {
            command.args(["--server", &server.url]).env("CUPEL_API_KEY", &server.key);
        }
        let ended = end(command, b"");
        assert!(ended.code == Some(2) && ended.stderr.contains("empty directory"), "{ended:?}");
        assert_eq!(contents(&into), expected);
    }
    let wrong = end(cupel(["run", &file.path, "--artifact", "../*", "--into", "/dev/shm/unused"]), b"");
    assert!(wrong.code == Some(2) && wrong.stderr.contains("--artifact"), "{wrong:?}");
    assert!(!std::path::Path::new("/dev/shm/unused").exists());
    let folder = folder();
    let mut command = cupel(["run", &file.path, "--json", "--artifact", "?.txt", "--into"]);
    command.arg(folder.path());
    let ended = end(command, b"");
    let object: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    assert_eq!(
        listed(&object),
        [("a.txt", 1, "text/plain; charset=utf-8", ""), ("p/q/b.txt", 1, "text/plain; charset=utf-8", "")]
    );
}
