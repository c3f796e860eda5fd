//! The files of a request: encodings, names, and the order that Cupel expects.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use cupel_languages::Language;
use serde_json::Value;

use crate::lenient_base64::LENIENT;
use crate::program::{SourceFile, main_name};

/// Encoding of a file's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Base64,
    Hex,
    /// An unknown encoding. The content is decoded as UTF-8, but the file does not count as a source file.
    Unknown,
}

impl Encoding {
    pub(super) fn of(value: Option<&Value>) -> Encoding {
        match value {
            None | Some(Value::Null | Value::Bool(false)) => Encoding::Utf8,
            Some(Value::String(name)) => match name.as_str() {
                "" | "utf8" => Encoding::Utf8,
                "base64" => Encoding::Base64,
                "hex" => Encoding::Hex,
                _ => Encoding::Unknown,
            },
            Some(Value::Number(number)) if number.as_f64() == Some(0.0) => Encoding::Utf8,
            Some(_) => Encoding::Unknown,
        }
    }

    fn decode(self, content: &str) -> Vec<u8> {
        match self {
            Encoding::Utf8 | Encoding::Unknown => content.as_bytes().to_vec(),
            Encoding::Base64 => decode_base64(content),
            Encoding::Hex => decode_hex(content),
        }
    }
}

/// Extension of a file to which the request gives no name.
const UNNAMED: &str = ".code";

/// Languages whose packages compile all UTF-8 files of a request, whatever their names. Source: the scripts `compile`
/// of the packages `gcc` and `mono`.
const ALL_COMPILED: [&str; 5] = ["c", "cpp", "csharp", "d", "fortran"];

/// A file of the submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Path below the working directory, in its shortest form.
    pub(super) path: String,
    pub(super) content: Arc<[u8]>,
    encoding: Encoding,
}

/// The files. The main file, which is at the position `main` in the list, comes first. Of files with the same name, the
/// last file is used.
///
/// # Errors
///
/// A description of the first invalid name.
pub(super) fn of(listed: &[Value], encodings: &[Encoding], main: usize) -> Result<Vec<File>, String> {
    let mut main_path = None;
    let mut files: Vec<File> = Vec::new();
    for (at, (file, encoding)) in listed.iter().zip(encodings).enumerate() {
        let name = match file.get("name") {
            None | Some(Value::Null | Value::Bool(false)) => "",
            Some(Value::String(name)) => name,
            Some(_) => return Err(format!("the name of file {at} is not a string")),
        };
        let path = if name.is_empty() { format!("file{at}{UNNAMED}") } else { inside(name)? };
        if at == main {
            main_path = Some(path.clone());
        }
        let content = encoding.decode(file.get("content").and_then(Value::as_str).unwrap_or_default());
        files.retain(|other| other.path != path);
        files.push(File { path, content: content.into(), encoding: *encoding });
    }
    if let Some(at) = files.iter().position(|file| Some(&file.path) == main_path.as_ref()) {
        let main = files.remove(at);
        files.insert(0, main);
    }
    Ok(files)
}

/// The path in its shortest form, below the working directory. The original also stores a file with an absolute name
/// below this directory.
fn inside(name: &str) -> Result<String, String> {
    let escapes = || format!("File path \"{name}\" tries to escape parent directory: {name}");
    let mut parts: Vec<&str> = Vec::new();
    let is_absolute = name.starts_with('/');
    for part in name.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part != ".." {
            parts.push(part);
        } else if parts.pop().is_none() && !is_absolute {
            return Err(escapes());
        }
    }
    if !is_absolute && parts.first().is_some_and(|first| first.starts_with("..")) {
        return Err(escapes());
    }
    if parts.is_empty() || name.ends_with('/') {
        return Err(format!("File path \"{name}\" is a directory"));
    }
    Ok(parts.join("/"))
}

/// The files under the names with which Cupel's language can run them, as `(path, content)`.
///
/// The packages of the original run a main file of any name. If the main file lacks the language's extension, or is at
/// the top level and the language derives the name from the source, the file gets its name from [`main_name`]. If the
/// package compiles all files, a further file without an extension gets that of the language. A file with another
/// extension, such as a header, keeps its name.
pub(super) fn for_language(files: Vec<File>, language: &Language) -> Vec<SourceFile> {
    let mut files = files.into_iter();
    let Some(main) = files.next() else { return Vec::new() };
    let mut others: Vec<SourceFile> = with_extensions(files.collect(), &main, language);
    let (folder, name) = main.path.rsplit_once('/').unwrap_or(("", &main.path));
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let fits = extension.is_some_and(|extension| language.extensions.iter().any(|known| known == extension));
    let is_derived = !language.main_class.is_empty() || !language.named_by_type.is_empty();
    let is_kept = fits && !(is_derived && folder.is_empty());
    let path = if is_kept { main.path } else { main_name(language, &mut others) };
    // Core refuses an empty program; the original runs it.
    let source = if main.content.is_empty() { Arc::from(&b"\n"[..]) } else { main.content };
    others.insert(0, (path, source));
    others
}

/// The further files, as `(path, content)`. Those that the original's package compiles and that have no extension get
/// that of the language, unless another file has this name.
fn with_extensions(files: Vec<File>, main: &File, language: &Language) -> Vec<SourceFile> {
    let extension = language.extensions.first().filter(|_| ALL_COMPILED.contains(&language.id.as_str()));
    let mut taken: HashSet<String> = files.iter().chain([main]).map(|file| file.path.clone()).collect();
    let named = |file: File| {
        let is_source = file.encoding == Encoding::Utf8 && may_be_source(&file.path);
        let with = |extension| format!("{}.{extension}", file.path.strip_suffix(UNNAMED).unwrap_or(&file.path));
        let path = extension.filter(|_| is_source).map(with).filter(|path| taken.insert(path.clone()));
        (path.unwrap_or(file.path), file.content)
    };
    files.into_iter().map(named).collect()
}

/// Whether a file has no extension, or no name in the request.
fn may_be_source(path: &str) -> bool {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name.ends_with(UNNAMED) || !name.contains('.')
}

/// Decodes like Node.js: accepts both alphabets and missing padding, and skips other characters.
fn decode_base64(text: &str) -> Vec<u8> {
    let data = text.split('=').next().unwrap_or_default().chars().filter_map(|c| match c {
        '-' => Some('+'),
        '_' => Some('/'),
        '+' | '/' => Some(c),
        _ => c.is_ascii_alphanumeric().then_some(c),
    });
    let mut data: String = data.collect();
    if data.len() % 4 == 1 {
        // A single remaining character has only six bits, too few for a byte.
        data.pop();
    }
    LENIENT.decode(data).unwrap_or_default()
}

/// Decodes pairs of hexadecimal digits, up to the first invalid pair.
fn decode_hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pairs = text.as_bytes().as_chunks::<2>().0.iter();
    pairs.map_while(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn contents_are_decoded_as_leniently_as_by_node() {
        for (text, expected) in [
            ("YWJj", &b"abc"[..]),
            ("YW\nJj", b"abc"),
            ("YQ", b"a"),
            ("YQ==YWJj", b"a"),
            ("-_-_", &[0xfb, 0xff, 0xbf]),
            ("YWJjZ", b"abc"),
            ("!", b""),
        ] {
            assert_eq!(Encoding::Base64.decode(text), expected, "{text}");
        }
        for (text, expected) in [("616263", &b"abc"[..]), ("6162zz63", b"ab"), ("616", b"a"), ("zz", b"")] {
            assert_eq!(Encoding::Hex.decode(text), expected, "{text}");
        }
    }

    #[test]
    fn a_name_stays_below_the_working_directory() {
        for (name, expected) in
            [("a", "a"), ("/etc/a", "etc/a"), ("./a//b/../c", "a/c"), ("a/..b", "a/..b"), ("/../a", "a")]
        {
            assert_eq!(inside(name).as_deref(), Ok(expected), "{name}");
        }
        for name in ["../x", "..", "a/../../b", "..foo", "...", "a/", "/", "."] {
            assert!(inside(name).is_err(), "{name}");
        }
        assert_eq!(
            inside("../x").unwrap_err(),
            "File path \"../x\" tries to escape parent directory: ../x",
            "the text of the original"
        );
    }

    #[test]
    fn the_main_file_comes_first_and_the_last_of_a_name_remains() {
        let listed = [
            json!({ "name": "data", "content": "eA==", "encoding": "base64" }),
            json!({ "content": "first" }),
            json!({ "name": "b", "content": "b" }),
            json!({ "name": "data", "content": "7a", "encoding": "hex" }),
        ];
        let encodings: Vec<Encoding> = listed.iter().map(|file| Encoding::of(file.get("encoding"))).collect();
        let files = of(&listed, &encodings, 1).unwrap();
        let files: Vec<(&str, &[u8])> = files.iter().map(|file| (&*file.path, &*file.content)).collect();
        assert_eq!(files, [("file1.code", &b"first"[..]), ("b", b"b"), ("data", b"z")]);
    }
}
