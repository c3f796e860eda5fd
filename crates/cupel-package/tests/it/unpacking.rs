//! Hostile archives and directories are refused as a whole. No file is written outside the target or left behind.

use std::fs;
use std::io::{Cursor, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use cupel_package::{Code, ImportError, ImportOptions, UnpackLimits, import};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::support::{Bench, Files, assert_refused, options, refused};

fn package() -> Files {
    Files::fixture("kattis-legacy/sums")
}

/// Returns a zip of the package with one more entry.
fn zip_with(name: &str, mode: u32, content: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new_append(Cursor::new(package().zip())).expect("the zip can be opened");
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).unix_permissions(mode);
    zip.start_file(name, options).expect("an entry can be begun");
    zip.write_all(content).expect("an entry can be written");
    zip.finish().expect("the zip can be finished").into_inner()
}

/// Replaces every occurrence of a text in the bytes by another of the same length.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let mut found = 0;
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..at + from.len()] == *from {
            bytes[at..at + to.len()].copy_from_slice(to);
            found += 1;
        }
    }
    assert!(found > 0, "{:?} does not occur", String::from_utf8_lossy(from));
    bytes
}

/// Returns a zip of the package with a symbolic link.
fn zip_with_link(name: &str, target: &str) -> Vec<u8> {
    let mut zip = ZipWriter::new_append(Cursor::new(package().zip())).expect("the zip can be opened");
    zip.add_symlink(name, target, SimpleFileOptions::default()).expect("a link can be added");
    zip.finish().expect("the zip can be finished").into_inner()
}

/// Returns a tar of the package with one more entry of the given type.
fn tar_with(name: &[u8], kind: tar::EntryType, link: &str, size: u64) -> Vec<u8> {
    let mut bytes = package().tar();
    bytes.truncate(bytes.len() - 1024); // the end of the archive
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(size);
    header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
    header.set_cksum();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(&[0; 1024]);
    bytes
}

/// Returns a tar of the package with one more entry, `attachments/more`, and a header before it that extends it.
fn tar_with_extension(extension: tar::EntryType, content: &[u8], kind: tar::EntryType) -> Vec<u8> {
    let mut bytes = package().tar();
    bytes.truncate(bytes.len() - 1024); // the end of the archive
    for (name, kind, content) in [("extension", extension, content), ("attachments/more", kind, &content[..0])] {
        let mut header = tar::Header::new_gnu();
        header.set_path(name).unwrap();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.extend_from_slice(&[0; 1024]);
    bytes
}

fn refuse(name: &str, file: &str, bytes: &[u8], options: &ImportOptions<'_>, code: Code, words: &str) {
    let refusal = refused(Bench::new().import_bytes(file, bytes, options));
    assert_refused(name, &refusal, code, "", words);
}

#[test]
fn names_outside_the_package_are_refused() {
    // The zip library refuses to write some of these names. So the test overwrites another name of the same length in
    // the bytes.
    let with_name = |evil: &[u8]| {
        let plain = format!("data/{}.txt", "x".repeat(evil.len() - 9));
        replaced(&zip_with(&plain, 0o644, b"x"), plain.as_bytes(), evil)
    };
    for (name, evil) in [
        ("parents", "../../../../../../../x.txt"),
        ("parents inside", "data/../../../../../../x.t"),
        ("absolute", "/etc/cron.d/xxxxxxxxxx.txt"),
        ("backslashes", "..\\..\\..\\..\\..\\..\\x.text"),
        ("drive", "C:/Windows/system32/xx.txt"),
        ("current directory", "./data/./secret/xxxxxxx.tx"),
        ("empty component", "data//secret/xxxxxxxxx.txt"),
        ("nul", "data/secret/xxx\0xxxxxx.txt"),
        ("newline", "data/secret/xxx\nxxxxxx.txt"),
    ] {
        refuse(name, "a.zip", &with_name(evil.as_bytes()), &options(), Code::ArchivePath, "Pack it again");
    }
    refuse(
        "not UTF-8",
        "a.zip",
        &with_name(b"data/secret/\xff\xfexxxxxxxx.txt"),
        &options(),
        Code::ArchivePath,
        "UTF-8",
    );
    for (name, evil) in [("tar parents", &b"../../x"[..]), ("tar absolute", b"/etc/x"), ("tar not UTF-8", b"data/\xff")]
    {
        let bytes = tar_with(evil, tar::EntryType::Regular, "", 0);
        refuse(name, "a.tar", &bytes, &options(), Code::ArchivePath, "");
    }
}

#[test]
fn names_that_are_too_long_or_too_deep_are_refused() {
    let deep = package().with(&format!("attachments/{}x", "d/".repeat(20)), "");
    refuse("deep", "a.zip", &deep.zip(), &options(), Code::ArchivePath, "16 components");
    let long = package().with(&format!("attachments/{}", "x".repeat(300)), "");
    refuse("component", "a.zip", &long.zip(), &options(), Code::ArchivePath, "255 bytes");
    let long = package().with(&format!("attachments/{}x", format!("{}/", "y".repeat(200)).repeat(6)), "");
    refuse("whole", "a.zip", &long.zip(), &options(), Code::ArchivePath, "1024 bytes");
}

#[test]
fn links_outside_the_package_and_devices_are_refused() {
    for (name, target) in [
        ("absolute", "/etc/passwd"),
        ("parents", "../../../../etc/passwd"),
        ("missing target", "nothing.in"),
        ("directory", "../sample"),
    ] {
        let bytes = zip_with_link("data/secret/link.in", target);
        refuse(name, "a.zip", &bytes, &options(), Code::ArchiveLink, target);
        let bytes = tar_with(b"data/secret/link.in", tar::EntryType::Symlink, target, 0);
        refuse(name, "a.tar", &bytes, &options(), Code::ArchiveLink, target);
    }
    for (name, mode) in [("device", 0o020_644), ("block device", 0o060_644), ("pipe", 0o010_644), ("socket", 0o140_644)]
    {
        // The upper half of the external attributes in the central directory contains the mode. The library writes only
        // regular files, so the test sets the type there.
        let bytes = zip_with("data/secret/odd.in", 0o644, b"");
        let at = bytes.windows(18).rposition(|part| part == b"data/secret/odd.in").expect("the entry");
        let mut bytes = bytes;
        bytes[at - 6..at - 4].copy_from_slice(&u16::try_from(mode).expect("16 bits").to_le_bytes());
        refuse(name, "a.zip", &bytes, &options(), Code::ArchiveLink, "device");
    }
    for kind in [tar::EntryType::Char, tar::EntryType::Block, tar::EntryType::Fifo] {
        refuse("tar", "a.tar", &tar_with(b"data/odd", kind, "", 0), &options(), Code::ArchiveLink, "device");
    }
    let bytes = tar_with(b"data/secret/hard.in", tar::EntryType::Link, "../../../etc/passwd", 0);
    refuse("hard link", "a.tar", &bytes, &options(), Code::ArchiveLink, "passwd");
}

#[test]
fn links_to_files_of_the_package_become_copies() {
    for (container, bytes) in [
        ("a.zip", zip_with_link("data/secret/3.in", "../sample/1.in")),
        ("a.tar", tar_with(b"data/secret/3.in", tar::EntryType::Symlink, "../sample/1.in", 0)),
        ("b.tar", tar_with(b"data/secret/3.in", tar::EntryType::Link, "data/sample/1.in", 0)),
    ] {
        let bench = Bench::new();
        let refusal = refused(bench.import_bytes(container, &bytes, &options()));
        // The link was replaced by a copy of the input; only the answer to this input is missing.
        assert_refused(container, &refusal, Code::CasePair, "data/secret/3.in", "no answer");
    }
    let bench = Bench::new();
    let source = bench.path().join("source");
    package().write_directory(&source);
    symlink("../sample/1.in", source.join("data/secret/3.in")).unwrap();
    symlink("../sample/1.ans", source.join("data/secret/3.ans")).unwrap();
    let imported = bench.import(&source, &options()).unwrap();
    let copy = imported.package.root().join("data/secret/3.in");
    assert!(copy.symlink_metadata().unwrap().is_file());
    assert_eq!(fs::read(copy).unwrap(), b"1 2\n");
}

#[test]
fn directories_with_links_outside_or_sockets_are_refused() {
    let bench = Bench::new();
    let source = bench.path().join("source");
    package().write_directory(&source);
    symlink("/etc", source.join("attachments/etc")).unwrap();
    let _socket = UnixListener::bind(source.join("attachments/socket")).unwrap();
    let refusal = refused(bench.import(&source, &options()));
    assert_refused("link", &refusal, Code::ArchiveLink, "attachments/etc", "/etc");
    assert_refused("socket", &refusal, Code::ArchiveLink, "attachments/socket", "socket");
}

#[test]
fn names_that_are_equal_on_some_file_systems_are_refused() {
    for (name, first, second, words) in [
        ("case", "attachments/Readme", "attachments/README", "ignore case"),
        ("case of a directory", "attachments/a/x", "attachments/A/y", "ignore case"),
        ("Unicode form", "attachments/caf\u{e9}", "attachments/cafe\u{301}", "ignore case"),
        (
            "file and directory",
            "attachments/x",
            "attachments/x/y",
            "x: the name is that of a file and that of a directory",
        ),
        (
            "directory and file",
            "attachments/x/y",
            "attachments/x",
            "x: the name is that of a file and that of a directory",
        ),
    ] {
        let mut files = package().with(first, "1");
        files.0.push((second.to_owned(), b"2".to_vec()));
        refuse(name, "a.tar", &files.tar(), &options(), Code::ArchiveDuplicate, words);
        refuse(name, "a.zip", &files.zip(), &options(), Code::ArchiveDuplicate, words);
    }
    let twice = replaced(&zip_with("data/secret/9.in", 0o644, b""), b"data/secret/9.in", b"data/secret/2.in");
    refuse(
        "the same name twice",
        "a.zip",
        &twice,
        &options(),
        Code::ArchiveDuplicate,
        "`data/secret/2.in` occurs twice",
    );
    let mut twice = package();
    twice.0.push(("problem.yaml".to_owned(), b"name: other\n".to_vec()));
    refuse("the same name twice in a tar", "a.tar", &twice.tar(), &options(), Code::ArchiveDuplicate, "twice");
}

/// Returns a zip of 10 MB with one entry of 10 GB, whose headers declare a size of `says` bytes. The zip is built by
/// hand: one compressed MiB of zeros, which ends at a byte boundary, is repeated 10,240 times. Source: APPNOTE.TXT
/// 4.3.7, 4.3.12, 4.3.16.
fn ten_gigabytes(says: u32) -> Vec<u8> {
    let mut block = Vec::with_capacity(1 << 20);
    let mut deflate = flate2::Compress::new(flate2::Compression::best(), false);
    deflate.compress_vec(&vec![0; 1 << 20], &mut block, flate2::FlushCompress::Full).unwrap();
    let mut data = block.repeat(10_240);
    data.extend_from_slice(&[3, 0]); // an empty last block
    let name = b"data/secret/bomb.in";
    let size = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
    let mut fields = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]; // version, flags, deflate, time, date, sum
    fields.extend([size(data.len()), says.to_le_bytes()].concat());
    fields.extend([u8::try_from(name.len()).unwrap(), 0, 0, 0]);
    let mut zip = [&b"PK\x03\x04"[..], &fields, name, &data].concat();
    let start = zip.len();
    zip.extend([&b"PK\x01\x02\x14\x03"[..], &fields, &[0; 6], &[0, 0, 0xa4, 0x81], &[0; 4], name].concat());
    let length = zip.len() - start;
    zip.extend([&b"PK\x05\x06\0\0\0\0\x01\0\x01\0"[..], &size(length), &size(start), &[0; 2]].concat());
    zip
}

/// Returns a gzipped tar with one entry of 64 MiB of zeros, whose header declares 7 GiB.
fn gzipped_zeros() -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut header = tar::Header::new_ustar();
    header.set_path("data/secret/bomb.in").unwrap();
    header.set_size(7 << 30);
    header.set_mode(0o644);
    header.set_cksum();
    gzip.write_all(header.as_bytes()).unwrap();
    for _ in 0..64 {
        gzip.write_all(&vec![0; 1 << 20]).unwrap();
    }
    gzip.finish().unwrap()
}

#[test]
fn bombs_are_refused_before_they_are_unpacked_completely() {
    refuse("declares 4 GB", "bomb.zip", &ten_gigabytes(u32::MAX - 1), &options(), Code::ArchiveBomb, "512 MiB");
    let mut tight = options();
    tight.unpack.ratio_free_bytes = 10 << 20;
    let zip = ten_gigabytes(u32::MAX - 1);
    refuse("above the free bytes", "bomb.zip", &zip, &tight, Code::ArchiveBomb, "200:1. Pack it as a plain .tar");
    for says in [0, 1000] {
        refuse("declares a small size", "bomb.zip", &ten_gigabytes(says), &options(), Code::ArchiveDamaged, "declared");
    }
    refuse("gzip", "bomb.tar.gz", &gzipped_zeros(), &tight, Code::ArchiveBomb, "200:1");
    // Many small files together are a bomb, too.
    let many = (0..24).fold(package(), |files, n| files.with(&format!("attachments/{n}"), vec![b'0'; 1 << 19]));
    refuse("many files", "bomb.zip", &many.zip(), &tight, Code::ArchiveBomb, "200:1");

    let mut small = options();
    small.unpack =
        UnpackLimits { file_bytes_max: 1 << 20, total_bytes_max: 3 << 20, entries_max: 60, ..UnpackLimits::default() };
    let noise: Vec<u8> = (0_u32..(2 << 20)).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let files = package().with("attachments/large", &noise);
    refuse("file", "a.zip", &files.zip(), &small, Code::ArchiveBomb, "1 MiB");
    refuse("file", "a.tar", &files.tar(), &small, Code::ArchiveBomb, "1 MiB");
    let refusal = refused(Bench::new().import_files(&files, &small));
    assert_refused("file in a directory", &refusal, Code::ArchiveBomb, "attachments/large", "1 MiB");
    let files = (0..5).fold(package(), |files, n| files.with(&format!("attachments/{n}"), &noise[..900 << 10]));
    refuse("all together", "a.zip", &files.zip(), &small, Code::ArchiveBomb, "together");
    let files = (0..100).fold(package(), |files, n| files.with(&format!("attachments/{n}"), ""));
    refuse("entries", "a.zip", &files.zip(), &small, Code::ArchiveBomb, "entries");
    refuse("entries", "a.tar", &files.tar(), &small, Code::ArchiveBomb, "entries");
    // The archive has no entries for these directories.
    let files = (0..10).fold(package(), |files, n| files.with(&format!("attachments/{n}/1/2/3/4/5/6/7/8/file"), ""));
    for (name, archive) in [("a.zip", files.zip()), ("a.tar", files.tar())] {
        refuse("directories", name, &archive, &small, Code::ArchiveBomb, "60 files and directories");
    }
    let refusal = refused(Bench::new().import_files(&files, &small));
    assert_refused("directories", &refusal, Code::ArchiveBomb, "", "60 ");
}

/// The bytes of an inner archive do not count as bytes of the package's archive: each of the two archives alone has a
/// ratio below the maximum.
#[test]
fn a_bomb_in_an_archive_inside_the_package_is_refused() {
    let mut tight = options();
    tight.time_limit = Some(std::time::Duration::from_secs(1));
    tight.unpack.ratio_free_bytes = 10 << 20;
    tight.unpack.ratio_max = 100;
    let data = Files::default().with("1.in", line_of_numbers(12 << 20)).with("1.out", "");
    let inner = Files::default().with("init.yml", "archive: d.tar\ntest_cases: [{in: 1.in, out: 1.out}]\n");
    let outer = |archive: Vec<u8>| inner.clone().with("d.tar", archive);
    refuse("tar in a zip", "bomb.zip", &outer(data.tar()).zip(), &tight, Code::ArchiveBomb, "100:1");
    let refusal = refused(Bench::new().import_files(&outer(data.zip()), &tight));
    assert_refused("zip in a directory", &refusal, Code::ArchiveBomb, "", "100:1");
    refuse("zip in a zip", "bomb.zip", &outer(data.zip()).zip(), &tight, Code::ArchiveBomb, "100:1");
    assert!(Bench::new().import_files(&outer(data.tar()), &tight).is_ok(), "a directory is not compressed");
}

fn line_of_numbers(bytes: usize) -> Vec<u8> {
    let mut line = b"1000000000 ".repeat(bytes / 11);
    line.push(b'\n');
    line
}

/// A test of equal numbers is compressed by more than 200:1.
#[test]
fn a_test_of_equal_numbers_is_accepted() {
    let files = package().with("data/secret/3.in", line_of_numbers(20 << 20)).with("data/secret/3.ans", "1\n");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&files.tar()).unwrap();
    for (name, bytes) in [("a.zip", files.zip()), ("a.tar.gz", gzip.finish().unwrap())] {
        assert!(bytes.len() < (20 << 20) / 200, "{name}: {} bytes", bytes.len());
        Bench::new().import_bytes(name, &bytes, &options()).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// The archive has a million empty entries: 60 MB of central directory, which would need a gigabyte of memory.
#[test]
fn a_central_directory_above_the_bound_is_refused() {
    let entry = [&b"PK\x01\x02"[..], &[0; 24], &[6, 0, 0, 0, 0, 0], &[0; 12]].concat();
    assert_eq!(entry.len(), 46);
    let count = 1_000_000_u32;
    let mut zip = Vec::from(*b"PK\x03\x04");
    zip.extend([0; 26]);
    for number in 0..count {
        zip.extend_from_slice(&entry);
        zip.extend_from_slice(format!("{number:06}").as_bytes());
    }
    let (size, start) = (u64::from(count) * 52, 30_u64);
    let end64 = zip.len() as u64;
    // APPNOTE.TXT 4.3.14 and 4.3.15: the end record of a central directory with more than 65,535 entries, and its
    // locator.
    zip.extend([&b"PK\x06\x06"[..], &44_u64.to_le_bytes(), &[45, 0, 45, 0], &[0; 8]].concat());
    for number in [u64::from(count), u64::from(count), size, start] {
        zip.extend_from_slice(&number.to_le_bytes());
    }
    zip.extend([&b"PK\x06\x07"[..], &[0; 4], &end64.to_le_bytes(), &[1, 0, 0, 0]].concat());
    zip.extend([&b"PK\x05\x06"[..], &[0; 4], &[0xff; 12], &[0; 2]].concat());
    let refusal = refused(Bench::new().import_bytes("a.zip", &zip, &options()));
    assert_refused("list", &refusal, Code::ArchiveBomb, "a.zip", "list of entries");
}

#[test]
fn sizes_in_tar_headers_are_not_trusted() {
    let bytes = tar_with(b"data/secret/huge.in", tar::EntryType::Regular, "", 7 << 30);
    let refusal = refused(Bench::new().import_bytes("a.tar", &bytes, &options()));
    assert_refused("cut off", &refusal, Code::ArchiveDamaged, "", "");
    let bytes = tar_with(b"data/secret/long", tar::EntryType::GNULongName, "", 7 << 30);
    let refusal = refused(Bench::new().import_bytes("a.tar", &bytes, &options()));
    assert_refused("a name of 7 GB", &refusal, Code::ArchiveDamaged, "", "");
}

/// The parser keeps these headers in memory.
#[test]
fn long_names_and_extended_headers_in_a_tar_are_bounded() {
    use tar::EntryType::{GNULongLink, GNULongName, Regular, Symlink, XHeader};
    let long = vec![b'a'; 1 << 20];
    for (name, extension) in [("name", GNULongName), ("link", GNULongLink), ("extended header", XHeader)] {
        let bytes = tar_with_extension(extension, &long, Regular);
        refuse(
            name,
            "a.tar",
            &bytes,
            &options(),
            Code::ArchiveBomb,
            "names and attributes of an entry have more than 64",
        );
    }
    let bytes = tar_with_extension(GNULongLink, &long[..1025], Symlink);
    refuse("target", "a.tar", &bytes, &options(), Code::ArchiveLink, "more than 1024 bytes");
    let bytes = zip_with_link("data/secret/link.in", &"a".repeat(1025));
    refuse("target", "a.zip", &bytes, &options(), Code::ArchiveLink, "more than 1024 bytes");

    let refusal = refused(Bench::new().import_bytes(
        "a.tar",
        &tar_with_extension(GNULongName, &long[..60_000], Regular),
        &options(),
    ));
    assert_refused("a name of 60 kB", &refusal, Code::ArchivePath, "aaa", "1024 bytes");
    assert!(refusal.findings.iter().all(|finding| finding.file.len() < 1_100), "names in findings are shortened");

    let attribute = format!("40015 comment={}\n", "x".repeat(40_000));
    let bytes = tar_with_extension(XHeader, attribute.as_bytes(), Regular);
    let bench = Bench::new();
    let imported = bench.import_bytes("a.tar", &bytes, &options()).unwrap_or_else(|error| panic!("{error}"));
    assert!(imported.package.root().join("attachments/more").is_file());
}

/// The file has no data in the archive, but reading it gives 1 GiB of zeros.
#[test]
fn holes_of_files_that_are_left_out_are_bounded() {
    let mut bytes = package().tar();
    bytes.truncate(bytes.len() - 1024); // the end of the archive
    let mut header = tar::Header::new_gnu();
    header.set_path(".git/holes").unwrap();
    header.set_entry_type(tar::EntryType::GNUSparse);
    header.set_mode(0o644);
    header.set_size(0);
    let gnu = header.as_gnu_mut().unwrap();
    gnu.sparse[0].offset = *b"10000000000\0";
    gnu.sparse[0].numbytes = *b"00000000000\0";
    gnu.realsize = *b"10000000000\0";
    header.set_cksum();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(&[0; 1024]);
    let mut small = options();
    small.unpack.total_bytes_max = 10 << 20;
    refuse("holes", "a.tar", &bytes, &small, Code::ArchiveBomb, "not unpacked");
}

/// The first text has 800,000 bytes, and would have 6 GiB with its constants.
#[test]
fn constants_count_as_unpacked_bytes() {
    let package = || Files::fixture("kattis-2025-09/ratio");
    let value = |length: usize| format!("constants:\n  long: {}\n", "x".repeat(length));
    let bomb = package()
        .edit("problem.yaml", "constants:\n", &value(64 << 10))
        .with("statement/problem.en.md", "{{long}}".repeat(100_000));
    let refusal = refused(Bench::new().import_files(&bomb, &options()));
    let words = "with the values of the constants, the text has 6";
    assert_refused("one text", &refusal, Code::Text, "statement/problem.en.md", words);

    // Each text has 900 KiB with its constants.
    let mut many = package().edit("problem.yaml", "constants:\n", &value(9 << 10));
    for n in 0..5 {
        many = many.with(&format!("solution/solution.a{n}.md"), "{{long}}".repeat(100));
    }
    let mut small = options();
    small.unpack.total_bytes_max = 3 << 20;
    let refusal = refused(Bench::new().import_files(&many, &small));
    let words = "with the values of the constants, all files together have more than 3 MiB";
    assert_refused("together", &refusal, Code::ArchiveBomb, "solution/", words);
    Bench::new().import_files(&many, &options()).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn entries_that_share_bytes_are_refused() {
    let mut zip = ZipWriter::new_append(Cursor::new(package().zip())).unwrap();
    zip.shallow_copy_file("data/secret/2.in", "data/secret/3.in").unwrap();
    let bytes = zip.finish().unwrap().into_inner();
    refuse("overlap", "a.zip", &bytes, &options(), Code::ArchiveBomb, "share bytes");
}

#[test]
fn a_truncated_archive_is_refused() {
    let (zip, tar) = (package().zip(), package().tar());
    for part in [1, 3, 10, 50, 90, 99] {
        let cut = &zip[..zip.len() * part / 100];
        let refusal = refused(Bench::new().import_bytes("a.zip", cut, &options()));
        assert!(matches!(refusal.findings[0].code, Code::ArchiveDamaged | Code::FormatUnknown), "{part} %: {refusal}");
        let cut = &tar[..tar.len() * part / 100 / 512 * 512 + 100];
        if let Err(error) = Bench::new().import_bytes("a.tar", cut, &options()) {
            // A tar that is cut off between two files may look complete, but a file of the package is then missing.
            assert!(matches!(error, ImportError::Refused(_)), "{part} %: {error}");
        }
    }
    refuse("nothing", "a.zip", b"", &options(), Code::FormatUnknown, "cut off");
    refuse("half a header", "a.zip", b"PK\x03\x04", &options(), Code::ArchiveDamaged, "");
    refuse("gzip of nothing", "a.tar.gz", b"\x1f\x8b\x08\x00", &options(), Code::ArchiveDamaged, "");
}

#[test]
fn a_flipped_bit_is_harmless_or_refused() {
    let whole = package().zip();
    let mut state = 12_345_u64;
    for _ in 0..60 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut bytes = whole.clone();
        let at = (state >> 33) as usize % bytes.len();
        bytes[at] ^= 1 << ((state >> 20) & 7);
        match Bench::new().import_bytes("a.zip", &bytes, &options()) {
            Ok(_) | Err(ImportError::Refused(_)) => {}
            Err(other) => panic!("one flipped bit at {at} caused an internal failure: {other:?}"),
        }
    }
}

#[test]
fn encrypted_and_exotic_entries_are_refused() {
    let bytes = zip_with("data/secret/xxxxxxxxxx.txt", 0o644, b"x");
    let name = b"data/secret/xxxxxxxxxx.txt";
    let places: Vec<usize> = (0..bytes.len() - name.len()).filter(|at| bytes[*at..].starts_with(name)).collect();
    let (local, central) = (places[0] - 30, places[1] - 46);
    let mut encrypted = bytes.clone();
    (encrypted[local + 6], encrypted[central + 8]) = (encrypted[local + 6] | 1, encrypted[central + 8] | 1);
    refuse("encrypted", "a.zip", &encrypted, &options(), Code::ArchiveEncrypted, "password");
    let mut exotic = bytes;
    (exotic[local + 8], exotic[central + 10]) = (97, 97);
    refuse("method", "a.zip", &exotic, &options(), Code::ArchiveMethod, "deflate");
}

#[test]
fn an_existing_target_is_not_changed() {
    let bench = Bench::new();
    fs::create_dir_all(bench.target()).unwrap();
    fs::write(bench.target().join("mine"), "x").unwrap();
    let source = bench.path().join("source");
    package().write_directory(&source);
    let result = import(&source, &bench.target(), &options());
    assert!(matches!(result, Err(ImportError::TargetExists(_))), "{result:?}");
    assert_eq!(fs::read_dir(bench.target()).unwrap().count(), 1);
}

#[test]
fn files_of_version_control_and_file_managers_are_left_out() {
    let files = package().with("__MACOSX/._problem.yaml", "x").with("data/.DS_Store", "x");
    // The data of an entry that is left out may be long.
    let files = files.with(".git/pack", vec![b'x'; 1 << 20]).below("sums");
    for (container, bytes) in [("a.zip", files.zip()), ("a.tar", files.tar())] {
        let bench = Bench::new();
        let imported = bench.import_bytes(container, &bytes, &options()).unwrap_or_else(|error| panic!("{error}"));
        let names: Vec<_> = fs::read_dir(imported.package.root()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(!names.iter().any(|name| name == ".git" || name == "__MACOSX"), "{names:?}");
    }
}

#[test]
fn a_directory_modified_after_the_import_is_detected() {
    let bench = Bench::new();
    let imported = bench.import_files(&package(), &options()).unwrap();
    let case = imported.package.problem.tests.cases().next().unwrap().clone();
    assert!(imported.package.open(&case.input).is_ok());
    fs::write(imported.package.path_of(&case.input), "other\n").unwrap();
    assert!(imported.package.open(&case.input).is_err());
}
