//! The artifacts of a run: the files that match the patterns of the submission, with their media types and hashes.
//!
//! The executor searches the box. Files of the submission that the program did not change are not artifacts, but the
//! executor cannot recognize them. Therefore, if a pattern matches such files, the executor may return more files than
//! are kept.

use std::collections::HashMap;
use std::sync::Arc;

use cupel_types::{
    ARTIFACT_BYTES_MAX, ARTIFACT_PATTERNS_MAX, ARTIFACTS_BYTES_MAX, ARTIFACTS_LISTED_MAX, ARTIFACTS_MAX, Artifact,
    ArtifactContent, Artifacts, BoxFile, BoxFiles, BoxPath, Bytes, ContentHash, FileSearch, FoundFile, FoundFiles,
    Omission, PathPattern,
};
use infer::MatcherType;
use sha2::{Digest, Sha256};

use crate::output_budget::OutputBudget;

const TEXT: &str = "text/plain; charset=utf-8";
const UNKNOWN: &str = "application/octet-stream";

/// The search for the files that match the patterns of a submission; `None` if there are no patterns. `given` are the
/// files that are in the box when the program starts.
pub(crate) fn search(patterns: &[PathPattern], given: &[BoxFiles]) -> Option<FileSearch> {
    if patterns.is_empty() {
        return None;
    }
    let patterns = patterns[..patterns.len().min(ARTIFACT_PATTERNS_MAX)].to_vec();
    let mut search = FileSearch {
        files_max: u32::try_from(ARTIFACTS_LISTED_MAX).unwrap_or(u32::MAX),
        file_bytes_max: ARTIFACT_BYTES_MAX,
        bytes_max: ARTIFACTS_BYTES_MAX,
        patterns,
    };
    // Extra space for the given files that the search finds and that are then left out.
    for file in given.iter().flatten() {
        if search.patterns.iter().any(|pattern| cupel_glob::matches(pattern.as_str(), file.path.as_str())) {
            let size = Bytes::new(file.data.len() as u64);
            search.files_max = search.files_max.saturating_add(1);
            search.file_bytes_max = search.file_bytes_max.max(size);
            search.bytes_max = search.bytes_max.saturating_add(size);
        }
    }
    Some(search)
}

/// The artifacts among the found files, up to the bounds and to the space that is left for the run's output.
pub(crate) fn of(found: FoundFiles, given: &[BoxFiles], room: &mut OutputBudget) -> Artifacts {
    let given: HashMap<&BoxPath, &BoxFile> = given.iter().flatten().map(|file| (&file.path, file)).collect();
    let is_given =
        |file: &FoundFile| given.get(&file.path).is_some_and(|given| file.data.as_deref() == Some(&*given.data));
    let (mut kept, mut left) = (0, ARTIFACTS_BYTES_MAX.get());
    let mut artifacts = Artifacts { files: Vec::new(), has_more: found.has_more };
    for file in found.files {
        if is_given(&file) {
            continue;
        }
        if artifacts.files.len() == ARTIFACTS_LISTED_MAX {
            artifacts.has_more = true;
            break;
        }
        let FoundFile { path, size, data } = file;
        let content = match data {
            _ if size > ARTIFACT_BYTES_MAX => Err(Omission::FileTooLarge),
            _ if kept == ARTIFACTS_MAX => Err(Omission::TooMany),
            Some(data) if size.get() <= left && room.keep_whole(data.len()) => {
                kept += 1;
                left -= size.get();
                Ok(content_of(data))
            }
            _ => Err(Omission::NoRoom),
        };
        artifacts.files.push(Artifact { path, size, content });
    }
    artifacts
}

fn content_of(data: Arc<[u8]>) -> ArtifactContent {
    ArtifactContent {
        media_type: media_type(&data).to_owned(),
        hash: ContentHash::from_bytes(Sha256::digest(&data).into()),
        data,
    }
}

/// The media type of a file, determined by its content alone; the file's name is ignored.
fn media_type(data: &[u8]) -> &'static str {
    let text = std::str::from_utf8(data).ok();
    // Valid text is always text, even if it begins with the signature of another type, such as `GIF` or `BM`.
    if text.is_some_and(|text| !text.chars().any(is_binary)) {
        return TEXT;
    }
    let found = infer::get(data).filter(|found| found.matcher_type() != MatcherType::Text);
    match found.map(|found| found.mime_type()) {
        Some(name) if has_full_signature(name, data) => name,
        // Text contains no NUL; git uses the same rule.
        _ if text.is_some() && !data.contains(&0) => TEXT,
        _ => UNKNOWN,
    }
}

/// Whether a character occurs in binary data but not in text. Such characters are all control characters except white
/// space, escape, bell and backspace.
fn is_binary(c: char) -> bool {
    c.is_control() && !matches!(c, '\u{7}'..='\r' | '\u{1b}')
}

/// Whether a PNG, GIF or WebP file begins with the complete signature of its type, of which the type detection compares
/// only a part. Always `true` for other types.
fn has_full_signature(media_type: &str, data: &[u8]) -> bool {
    match media_type {
        "image/png" => data.starts_with(b"\x89PNG\r\n\x1a\n"),
        "image/gif" => data.starts_with(b"GIF87a") || data.starts_with(b"GIF89a"),
        "image/webp" => data.starts_with(b"RIFF"),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    #[test]
    fn the_media_type_is_that_of_the_content() {
        for (data, expected) in [
            (PNG, "image/png"),
            (b"\x89PNG and more \xff", UNKNOWN),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
            (b"GIF89a\x01\0\x01\0\x80\0\0", "image/gif"),
            (b"GIF89a\x01\0\x01\0\0\0\0", "image/gif"),
            (b"GIF files are small", TEXT),
            (b"GIF89a is a version", TEXT),
            (b"GIF\0", UNKNOWN),
            (b"RIFF\x04\0\0\0WEBPVP8 \0", "image/webp"),
            (b"1234\x04\0\0\0WEBPVP8 \0\xff", UNKNOWN),
            (b"BMW and others", TEXT),
            (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf"),
            (b"PK\x03\x04\x14\0\0\0\x08\0\xff", "application/zip"),
            (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", TEXT),
            (b"<?xml version=\"1.0\"?><svg/>", TEXT),
            (b"<!DOCTYPE html><script>1</script>\0\xff", UNKNOWN),
            (b"<html><script>1</script></html>", TEXT),
            (b"a,b\n1,2\r\n", TEXT),
            ("\u{1b}[1mé\u{1b}[0m".as_bytes(), TEXT),
            (b"", TEXT),
            (b"\0\x01", UNKNOWN),
            (b"a\0b", UNKNOWN),
            (b"\xff\xfe", UNKNOWN),
        ] {
            assert_eq!(media_type(data), expected, "{:?}", String::from_utf8_lossy(data));
        }
    }

    fn path(text: &str) -> BoxPath {
        BoxPath::new(text).unwrap()
    }

    fn found(name: &str, data: &[u8]) -> FoundFile {
        FoundFile { path: path(name), size: Bytes::new(data.len() as u64), data: Some(data.into()) }
    }

    fn given(files: &[(&str, &[u8])]) -> Vec<BoxFiles> {
        let file = |(name, data): &(&str, &[u8])| BoxFile { path: path(name), data: (*data).into(), executable: false };
        vec![BoxFiles::new(files.iter().map(file).collect())]
    }

    /// The artifacts among these files, each with the reason if its content is omitted, and whether there may be more.
    fn kept(files: Vec<FoundFile>, given: &[BoxFiles], room: Bytes) -> (Vec<String>, bool) {
        let found = FoundFiles { files, has_more: false };
        let Artifacts { files, has_more } = of(found, given, &mut OutputBudget::new(room, 1));
        let shown = files.iter().map(|file| match &file.content {
            Ok(_) => file.path.to_string(),
            Err(why) => format!("{} {}", file.path, why.as_str()),
        });
        (shown.collect(), has_more)
    }

    #[test]
    fn a_given_file_is_an_artifact_only_if_the_program_changed_it() {
        let given = given(&[("main.py", b"1"), ("data.csv", b"2"), ("same.csv", b"3")]);
        let files = vec![found("data.csv", b"4"), found("new.csv", b"3"), found("same.csv", b"3")];
        assert_eq!(kept(files, &given, Bytes::mib(1)).0, ["data.csv", "new.csv"]);
    }

    #[test]
    fn given_files_that_match_do_not_use_up_the_bounds_of_the_search() {
        let patterns = [PathPattern::new("*.csv").unwrap()];
        let large = vec![b'x'; 5 << 20];
        let plain = search(&patterns, &given(&[("main.py", b"1")])).unwrap();
        assert_eq!((plain.files_max, plain.file_bytes_max), (ARTIFACTS_LISTED_MAX as u32, ARTIFACT_BYTES_MAX));
        let wider = search(&patterns, &given(&[("a.csv", &large), ("b.csv", b"1")])).unwrap();
        assert_eq!(wider.files_max, plain.files_max + 2);
        assert_eq!(wider.file_bytes_max, Bytes::mib(5));
        assert_eq!(wider.bytes_max, ARTIFACTS_BYTES_MAX.saturating_add(Bytes::new((5 << 20) + 1)));
        assert_eq!(search(&[], &[]), None);
    }

    #[test]
    fn a_file_that_exceeds_a_bound_is_listed_without_its_content() {
        let (one, four) = (vec![1; 1 << 20], vec![4; 4 << 20]);
        let unread = |name: &str, size: Bytes| FoundFile { path: path(name), size, data: None };
        let files = vec![
            found("a", &four),
            unread("b", Bytes::new((4 << 20) + 1)),
            found("c", &vec![3; 3 << 20]),
            unread("d", Bytes::mib(2)),
            found("e", &one),
            found("f", &one),
            found("g", b""),
        ];
        let (shown, has_more) = kept(files.clone(), &[], Bytes::mib(100));
        assert_eq!(shown, ["a", "b file_too_large", "c", "d no_room", "e", "f no_room", "g"]);
        assert!(!has_more);
        let (shown, _) = kept(files, &[], Bytes::mib(5));
        assert_eq!(shown, ["a", "b file_too_large", "c no_room", "d no_room", "e", "f no_room", "g"]);
    }

    #[test]
    fn at_most_a_hundred_artifacts_are_kept_and_two_hundred_are_listed() {
        let files = (0..201).map(|n| found(&format!("{n:03}"), b"x")).collect();
        let (shown, has_more) = kept(files, &[], Bytes::mib(1));
        assert_eq!((shown.len(), has_more), (ARTIFACTS_LISTED_MAX, true));
        assert_eq!((shown[99].as_str(), shown[100].as_str()), ("099", "100 too_many"));
    }

    proptest! {
        #[test]
        fn every_content_has_a_media_type(start in 0..6usize, data in proptest::collection::vec(any::<u8>(), 0..300)) {
            let starts: [&[u8]; 6] = [b"", PNG, b"PK\x03\x04", b"\x7fELF", b"\0\0\0\x18ftyp", b"\x1aE\xdf\xa3"];
            let data = [starts[start], &data].concat();
            prop_assert!(media_type(&data).contains('/'));
        }
    }
}
