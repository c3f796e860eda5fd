//! Graders in C and C++ that call the functions of a submission (DMOJ's signature graders).
//!
//! The grader is the main source, and is compiled in the submission's language. Each source of the submission first
//! includes the grader's header; the submission's `main` is renamed unless the package allows it, so that the program
//! starts in the grader's `main`. Source: DMOJ judge-server, `signature.py`.

use cupel_languages::Language;
use cupel_problem::Grader;
use cupel_types::{BoxFile, BoxPath};

/// Extensions of sources in C and C++.
const SOURCES: [&str; 6] = ["c", "cpp", "cc", "cxx", "c++", "C"];

/// New name of a submission's `main`, which nothing calls.
const RENAMED_MAIN: &str = "cupel_main_of_the_submission";

/// Returns all files of the program, and the name of the main source. `over` are the grader and its header.
pub(super) fn with_grader(
    files: Vec<BoxFile>,
    over: Vec<BoxFile>,
    entry: Option<&str>,
    grader: &Grader,
    language: &Language,
) -> (Vec<BoxFile>, Option<String>) {
    let extension = |path: &BoxPath| path.as_str().rsplit_once('.').map(|(_, extension)| extension.to_owned());
    let is_source = |file: &BoxFile| extension(&file.path).is_some_and(|found| SOURCES.contains(&found.as_str()));
    let own = extension(&language.source).unwrap_or_default();
    // Only sources with the extension of the main source are compiled.
    let renamed = |path: &BoxPath| {
        let stem = path.as_str().rsplit_once('.').map_or(path.as_str(), |(stem, _)| stem);
        BoxPath::new(&format!("{stem}.{own}")).unwrap_or_else(|_| path.clone())
    };
    let mut all: Vec<BoxFile> = Vec::new();
    let mut main = None;
    for mut file in over {
        if Some(file.path.as_str()) == entry {
            file.path = renamed(&file.path);
            main = Some(file.path.as_str().to_owned());
        }
        all.push(file);
    }
    'files: for mut file in files {
        let shown = file.path.as_str().to_owned();
        let adapts = is_source(&file);
        if adapts {
            file.path = renamed(&file.path);
        }
        // The grader's files keep their names, because they include each other. A conflicting file that cannot be
        // renamed is left out.
        while all.iter().any(|laid| laid.path.clashes_with(&file.path)) {
            match BoxPath::new(&format!("submission_{}", file.path)) {
                Ok(path) => file.path = path,
                Err(_) => continue 'files,
            }
        }
        if adapts {
            let rename = if grader.allow_main { String::new() } else { format!("#define main {RENAMED_MAIN}\n") };
            let up = "../".repeat(file.path.as_str().matches('/').count());
            let begin = format!(
                "#include \"{up}{}\"\n{rename}#line 1 \"{}\"\n",
                grader.header,
                shown.replace(['"', '\\', '\n'], "_")
            );
            file.data = [begin.as_bytes(), &file.data].concat().into();
        }
        all.push(file);
    }
    (all, main)
}

#[cfg(test)]
mod tests {
    use cupel_languages::Registry;

    use super::*;

    fn built(own: &[&str], language: &str, allow_main: bool) -> (Vec<(String, String)>, Option<String>) {
        let file = |path: &&str| BoxFile {
            path: BoxPath::new(path).unwrap(),
            data: path.as_bytes().into(),
            executable: false,
        };
        let grader = Grader { header: "g.h".to_owned(), allow_main };
        let registry = Registry::load(None).unwrap();
        let language = registry.find(language).unwrap();
        let over = ["grader.cpp", "g.h"].iter().map(file).collect();
        let (files, main) = with_grader(own.iter().map(file).collect(), over, Some("grader.cpp"), &grader, language);
        let shown = |file: BoxFile| (file.path.to_string(), String::from_utf8_lossy(&file.data).into_owned());
        (files.into_iter().map(shown).collect(), main)
    }

    #[test]
    fn sources_include_the_header_and_lines_keep_their_numbers() {
        let (files, main) = built(&["a.cc", "notes.txt"], "cpp", false);
        let begin = "#include \"g.h\"\n#define main cupel_main_of_the_submission\n#line 1 \"a.cc\"\na.cc";
        assert_eq!((main.as_deref(), files[2].0.as_str(), files[2].1.as_str()), (Some("grader.cpp"), "a.cpp", begin));
        assert_eq!(files[3], ("notes.txt".to_owned(), "notes.txt".to_owned()));
        let (files, main) = built(&["in/a.c"], "c11", true);
        assert_eq!((main.as_deref(), files[0].0.as_str()), (Some("grader.c"), "grader.c"));
        assert_eq!(files[2].1, "#include \"../g.h\"\n#line 1 \"in/a.c\"\nin/a.c");
    }

    #[test]
    fn all_files_have_different_names() {
        let long = format!("{}.cpp", "x/".repeat(120));
        for own in [
            &["grader.cpp", "g.h", "submission_grader.cpp"][..],
            &["submission_grader.cpp", "grader.cpp"],
            &["a.c", "a.cc", "a.cpp"],
            &["grader.cpp/x.cpp", "g.h/y"],
            &["\".cpp", long.trim_start_matches("x/")],
        ] {
            let (files, _) = built(own, "cpp", false);
            for (at, (path, _)) in files.iter().enumerate() {
                let path = BoxPath::new(path).unwrap();
                let clashes = files[at + 1..].iter().any(|(other, _)| path.clashes_with(&BoxPath::new(other).unwrap()));
                assert!(!clashes, "{own:?}: {files:?}");
            }
        }
    }
}
