//! Tests of the configuration: precedence, errors and their places, secrets.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::layers::ConfigFault;
use super::*;

fn faults(file: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let mut layers = Layers::defaults();
    layers.file(Path::new("cupel.toml"), file);
    layers.environment(environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
    read(&mut layers);
    layers.faults.iter().map(ConfigFault::to_string).collect()
}

fn config(file: &str, environment: &[(&str, &str)]) -> Config {
    let mut layers = Layers::defaults();
    layers.file(Path::new("cupel.toml"), file);
    layers.environment(environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
    let config = read(&mut layers);
    assert_eq!(layers.faults, Vec::<ConfigFault>::new());
    config
}

#[test]
fn the_defaults_are_complete_and_correct() {
    let config = config("", &[]);
    assert_eq!(config.server.listen, "127.0.0.1:8080");
    assert_eq!(config.rate_limits.tiers["basic"].submissions_per_minute, 300);
    assert_eq!(config.auth.token_lifetime, Duration::from_secs(3600));
    assert!(!config.webhooks.allow_private);
}

#[test]
fn the_listen_address_may_be_a_host_name_or_ipv4_or_ipv6() {
    for good in ["localhost:8080", "0.0.0.0:0", "[::1]:80", "judge.example:65535"] {
        assert_eq!(config(&format!("[server]\nlisten = \"{good}\""), &[]).server.listen, good);
    }
    for bad in ["8080", ":8080", "localhost", "localhost:", "localhost:65536", "::1:80", "http://localhost:80"] {
        assert_eq!(faults(&format!("[server]\nlisten = \"{bad}\""), &[]).len(), 1, "{bad}");
    }
}

#[test]
fn the_environment_overrides_the_file_and_the_file_overrides_the_defaults() {
    let file = "[queue]\ndepth_max = 5\n[worker]\nslots = 3\n";
    let config =
        config(file, &[("CUPEL_QUEUE__DEPTH_MAX", "7"), ("CUPEL_AUTH__REGISTRATION", "false"), ("CUPEL_URL", "x")]);
    assert_eq!((config.queue_depth_max, config.worker.slots, config.auth.registration), (7, 3, false));
}

#[test]
fn a_variable_with_a_missing_underscore_is_a_fault() {
    assert_eq!(
        faults(
            "",
            &[("CUPEL_QUEUE_DEPTH_MAX", "7"), ("CUPEL_STORE_URL_FILE", "/secret"), ("CUPEL_API_SERVICE_HOST", "x")]
        ),
        [
            "environment variable CUPEL_QUEUE_DEPTH_MAX: queue.depth_max: the section must be followed by two underscores: CUPEL_QUEUE__DEPTH_MAX",
            "environment variable CUPEL_STORE_URL_FILE: store.url: the section must be followed by two underscores: CUPEL_STORE__URL_FILE",
        ]
    );
}

#[test]
fn a_setting_with_both_a_value_and_a_file_is_a_fault() {
    assert_eq!(
        faults("", &[("CUPEL_STORE__URL", "postgres://db/one"), ("CUPEL_STORE__URL_FILE", "/run/secrets/url")]),
        ["environment variable CUPEL_STORE__URL_FILE: store.url: CUPEL_STORE__URL also sets it: remove one of the two"]
    );
}

#[test]
fn all_faults_are_reported_together_with_place_and_suggestion() {
    let file = "[server]\nlisten = \"nowhere\"\nlisten_address = \"x\"\n\n[worker]\nlease = \"30\"\nslots = -1\n[log]\nformat = 5\n";
    let messages = faults(file, &[("CUPEL_QUEUE__DEPTH", "4"), ("CUPEL_DATA__DIRECTORY", "")]);
    assert_eq!(
        messages,
        [
            "cupel.toml:3: server.listen_address: unknown setting; did you mean `server.listen`?",
            "environment variable CUPEL_QUEUE__DEPTH: queue.depth: unknown setting; did you mean `queue.depth_max`?",
            "cupel.toml:2: server.listen: expected an address with a port such as \"127.0.0.1:8080\", found \"nowhere\"",
            "environment variable CUPEL_DATA__DIRECTORY: data.directory: expected the path of a directory, found \"\"",
            "cupel.toml:7: worker.slots: expected a whole number from 0 to 1000, found -1",
            "cupel.toml:6: worker.lease: expected a duration of at least 3s such as \"30s\" or \"1h30m\", at most \"36500d\", found \"30\"",
            "cupel.toml:9: log.format: expected one of \"auto\", \"pretty\", \"json\", found 5",
        ]
    );
}

#[test]
fn invalid_toml_is_reported_with_its_line() {
    let messages = faults("[server]\nlisten = \n", &[]);
    assert!(messages[0].starts_with("cupel.toml:2: "), "{messages:?}");
}

#[test]
fn a_new_tier_inherits_missing_fields_from_basic() {
    let tiers = config("[rate_limits.tiers.class]\nsubmissions_per_minute = 9\n", &[]).rate_limits.tiers;
    assert_eq!((tiers["class"].submissions_per_minute, tiers["class"].reads_per_minute), (9, 3000));
    assert_eq!(faults("[rate_limits.tiers.class]\nreads = 9\n", &[]).len(), 1);
    let file = "[rate_limits.tiers.class]\n# all settings of basic\n[rate_limits.tiers.basic]\nreads_per_minute = 7\n";
    assert_eq!(config(file, &[]).rate_limits.tiers["class"].reads_per_minute, 7);
}

#[test]
fn a_secret_is_neither_shown_nor_in_debug_output() {
    let secret = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
    let mut layers = Layers::defaults();
    layers.file(Path::new("f"), &format!("[metrics]\naccess = \"token\"\ntoken = \"{secret}\""));
    assert!(!format!("{:?}", read(&mut layers)).contains("MDEy"));
    assert!(layers.rows().all(|(_, value, _)| !value.contains("MDEy")));
}

#[test]
fn an_address_of_a_facade_that_is_turned_off_is_a_fault() {
    let off = "[facades.piston]\nenabled = false\n";
    let mut layers = Layers::defaults();
    layers.file(Path::new("cupel.toml"), off);
    layers.flag("facades.piston.listen", "--facade", Some("127.0.0.1:2000".to_owned()));
    read(&mut layers);
    let expected = "facades.piston.listen: is not used, because facades.piston.enabled is false: remove one of the two";
    let found: Vec<String> = layers.faults.iter().map(ConfigFault::to_string).collect();
    assert_eq!(found, [format!("flag --facade: {expected}")]);
    assert_eq!(faults(off, &[]), Vec::<String>::new());
}

/// Regression: the setting was ignored, or the directory got another name.
#[test]
fn a_setting_that_is_not_utf8_is_a_fault() {
    let not_utf8 = || OsStr::from_bytes(b"caf\xe9").to_owned();
    let mut layers = Layers::defaults();
    let variables = ["CUPEL_STORE__URL", "CUPEL_STORE__URL_FILE", "CUPEL_HOST", "HOME"];
    layers.environment_of_process(variables.into_iter().map(|name| (name.into(), not_utf8())));
    layers.path_flag("data.directory", "--data", Some(Path::new(&not_utf8())));
    assert_eq!(
        layers.faults.iter().map(ConfigFault::to_string).collect::<Vec<_>>(),
        [
            "environment variable CUPEL_STORE__URL: the name and the value of a setting must be UTF-8",
            "environment variable CUPEL_STORE__URL_FILE: the name and the value of a setting must be UTF-8",
            "flag --data: data.directory: the path caf\u{fffd} is not UTF-8",
        ]
    );
}

#[test]
fn an_error_names_only_the_kind_of_a_secret() {
    let file =
        "[metrics]\ntoken = 1234567890123456\n[store]\nurl = [\"postgres://u:secret@h/d\"]\n[alerts]\nurl = true\n";
    assert_eq!(
        faults(file, &[]),
        [
            "cupel.toml:4: store.url: expected a string, found a list of strings",
            "cupel.toml:6: alerts.url: expected a string, found a boolean",
            "cupel.toml:2: metrics.token: expected a string, found a number",
        ]
    );
}

#[test]
fn a_secret_of_alerts_that_is_not_base64_is_a_fault_and_is_not_shown() {
    let file = "[alerts]\nurl = \"https://h\"\nsecret = \"whsec_hidden!\"\n";
    let [fault] = &*faults(file, &[]) else { panic!("{:?}", faults(file, &[])) };
    assert!(fault.starts_with("cupel.toml:3: alerts.secret: expected base64"), "{fault}");
    assert!(!fault.contains("hidden"), "{fault}");
}

#[test]
fn an_address_with_a_password_is_not_shown() {
    let mut layers = Layers::defaults();
    let urls: Vec<String> = layers.rows().map(|(key, ..)| key.to_owned()).filter(|key| key.ends_with(".url")).collect();
    assert!(urls.contains(&"shared.url".to_owned()), "{urls:?}");
    for key in &urls {
        let section = key.trim_end_matches(".url");
        layers.file(Path::new("f"), &format!("[{section}]\nurl = \"redis://:MDEy@host\""));
    }
    assert!(!format!("{:?}", read(&mut layers)).contains("MDEy"));
    assert!(layers.rows().all(|(_, value, _)| !value.contains("MDEy")));
}

#[test]
fn postgres_alone_means_the_stores_database_for_each_engine_that_can_use_it() {
    for section in ["queue", "events", "blobs"] {
        let file = format!("[{section}]\nurl = \"postgres\"");
        assert_eq!(faults(&file, &[("CUPEL_STORE__URL", "postgresql://h/d")]), [""; 0], "{section}");
        let [fault] = &*faults(&file, &[]) else { panic!("{section}") };
        let expected =
            format!("cupel.toml:2: {section}.url: \"postgres\" means the store's database, and store.url does");
        assert!(fault.starts_with(&expected), "{fault}");
    }
    for section in ["store", "shared"] {
        let [fault] = &*faults(&format!("[{section}]\nurl = \"postgres\""), &[]) else { panic!("{section}") };
        assert!(fault.contains(&format!("{section}.url: expected a URL that begins with")), "{fault}");
    }
}

/// This test passes in every build: `cargo test -p cupel --no-default-features` has none of these engines.
#[test]
fn an_engine_that_the_build_lacks_is_refused_with_the_command_that_builds_it() {
    for (section, url, is_built) in [
        ("queue", "amqp://h", cfg!(feature = "rabbitmq")),
        ("queue", "amqps://h", cfg!(feature = "rabbitmq")),
        ("queue", "kafka://h", cfg!(feature = "kafka")),
        ("queue", "redis://h", true),
        ("blobs", "s3://bucket", cfg!(feature = "s3")),
        ("traces", "http://h:4318", cfg!(feature = "otlp")),
    ] {
        let faults = faults(&format!("[{section}]\nurl = \"{url}\"\n"), &[]);
        match &*faults {
            [] => assert!(is_built, "{url}"),
            [fault] => assert!(!is_built && fault.contains("`make build`"), "{fault}"),
            _ => panic!("{faults:?}"),
        }
    }
}

#[test]
fn an_address_that_ends_after_its_scheme_is_a_fault() {
    for (section, url, expected) in [
        ("store", "postgres://", "expected postgres://HOST"),
        ("queue", "redis:///", "expected redis://HOST"),
        ("events", "rediss://", "expected rediss://HOST"),
        ("shared", "redis://", "expected redis://HOST"),
        ("blobs", "s3://", "expected s3://BUCKET"),
        ("blobs", "s3:///", "expected s3://BUCKET"),
        ("blobs", "file://", "expected file:///DIRECTORY"),
        ("blobs", "file:///", "expected file:///DIRECTORY"),
        ("blobs", "file://packages", "expected file:///DIRECTORY"),
        ("traces", "http://", "expected http://HOST"),
        ("alerts", "http://", "expected a URL"),
        ("alerts", "https:///path", "expected a URL"),
        ("alerts", "https://user:secret@", "expected a URL"),
        ("alerts", "http://a b", "expected a URL"),
    ] {
        let faults = faults(&format!("[{section}]\nurl = \"{url}\"\n"), &[]);
        let expected = format!("cupel.toml:2: {section}.url: {expected}");
        assert!(faults.iter().any(|fault| fault.starts_with(&expected)), "{url}: {faults:?}");
    }
    for url in ["http://", "https:///path"] {
        let faults = faults(&format!("[server]\npublic_url = \"{url}\"\n"), &[]);
        assert!(faults.len() == 1 && faults[0].contains("server.public_url: expected a URL"), "{url}: {faults:?}");
    }
    // The host of a database may also be a parameter.
    assert_eq!(faults("[store]\nurl = \"postgres:///cupel?host=/run/postgresql\"\n", &[]), [""; 0]);
}

#[test]
fn the_name_of_a_worker_is_a_short_line() {
    let fault = "cupel.toml:2: worker.name: expected at most 64 characters without control characters";
    for name in ["x".repeat(65), "a\\nb".to_owned(), "a\\u001bb".to_owned()] {
        assert_eq!(faults(&format!("[worker]\nname = \"{name}\"\n"), &[]), [fault], "{name}");
    }
    for name in ["ü".repeat(64), "lab 7".to_owned()] {
        assert_eq!(faults(&format!("[worker]\nname = \"{name}\"\n"), &[]), [""; 0], "{name}");
    }
}

/// Regression: the name was read from /proc/sys, which is missing in the unit of API nodes (ProcSubset=pid). So all of
/// them sent traces with an empty name.
#[test]
fn a_process_without_a_configured_name_has_the_name_of_its_machine() {
    let name = rustix::system::uname().nodename().to_str().unwrap().to_owned();
    assert!(!name.is_empty());
    assert_eq!(config("", &[]).worker.called(), name);
    assert_eq!(config("[worker]\nname = \"lab 7\"\n", &[]).worker.called(), "lab 7");
}

#[test]
fn a_token_for_metrics_that_is_not_asked_for_is_a_fault() {
    let token = "token = \"0123456789abcdef\"";
    for access in ["loopback", "open"] {
        let faults = faults(&format!("[metrics]\naccess = \"{access}\"\n{token}\n"), &[]);
        assert_eq!(
            faults,
            ["cupel.toml:3: metrics.token: is not used: set metrics.access to \"token\", or remove the token"]
        );
    }
    assert_eq!(faults(&format!("[metrics]\naccess = \"token\"\n{token}\n"), &[]), [""; 0]);
    // A misspelt word is the only fault.
    let faults = faults(&format!("[metrics]\naccess = \"tokens\"\n{token}\n"), &[]);
    assert!(faults.len() == 1 && faults[0].contains("metrics.access: expected one of"), "{faults:?}");
}

#[test]
fn a_size_that_would_refuse_everything_cannot_be_zero() {
    let faults = faults("[server]\nbody_max = \"0B\"\nwait_max = \"no\"\n", &[]);
    assert!(
        faults.iter().any(|fault| fault.contains("server.body_max: expected a size of at least 1 byte")),
        "{faults:?}"
    );
    assert!(faults.iter().any(|fault| fault.contains("server.wait_max: expected a duration such as")), "{faults:?}");
}

#[test]
fn the_processors_of_containers_are_a_list_of_numbers_and_ascending_ranges() {
    for list in ["", "0", "0-3,8", "2-2"] {
        assert_eq!(config(&format!("[docker]\ncpus = \"{list}\"\n"), &[]).docker.cpus.unwrap_or_default(), list);
    }
    for list in ["3-1", "1,", ",", "-1", "1-", "a", "+1", "1-2-3", "99999999999"] {
        let found = faults(&format!("[docker]\ncpus = \"{list}\"\n"), &[]);
        assert!(found.len() == 1 && found[0].contains("docker.cpus"), "{list}: {found:?}");
    }
}

#[test]
fn unknown_walls_and_networks_are_faults() {
    let messages = faults(
        "[server]\ntrusted_proxies = [\"10.0.0.0/40\"]\n[sandbox]\naccept_missing = [\"landlock\", \"fence\"]\n",
        &[],
    );
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert!(messages[0].starts_with("cupel.toml:2: server.trusted_proxies: expected an address"), "{messages:?}");
    assert!(messages[1].starts_with("cupel.toml:4: sandbox.accept_missing: unknown wall `fence`"), "{messages:?}");
    assert_eq!(
        config("", &[("CUPEL_SANDBOX__ACCEPT_MISSING", "landlock,seccomp")]).accept_missing,
        [Wall::Landlock, Wall::Seccomp]
    );
}

#[test]
fn a_misspelt_log_level_is_a_fault() {
    for level in ["info", "WARN", "off", "info,cupel_worker=debug", "cupel_http=trace, error"] {
        assert_eq!(faults(&format!("[log]\nlevel = \"{level}\"\n"), &[]), [""; 0], "{level}");
    }
    for (level, word) in [("warning", "warning"), ("loud", "loud"), ("info,cupel_worker", "cupel_worker")] {
        assert_eq!(
            faults(&format!("[log]\nlevel = \"{level}\"\n"), &[]),
            [format!(
                "cupel.toml:2: log.level: `{word}` is not a level; expected off, error, warn, info, debug, trace, or TARGET=LEVEL such \
                 as \"cupel_worker=debug\""
            )],
        );
    }
}

#[test]
fn unknown_disabled_languages_are_faults() {
    let messages = faults(
        "[log]\nlevel = \"info\"\n[languages]\ndisabled = [\"rust\", \"pyton\", \"py\", \"no-such-language\"]\n",
        &[],
    );
    assert_eq!(
        messages,
        [
            "cupel.toml:4: languages.disabled: there is no language `pyton`; did you mean `python`?",
            "cupel.toml:4: languages.disabled: `py` is not the id of a language; did you mean `python`?",
            "cupel.toml:4: languages.disabled: there is no language `no-such-language`; `cupel languages` lists all of them",
        ]
    );
    let messages = faults("", &[("CUPEL_LANGUAGES__DISABLED", "rust,cppp")]);
    assert_eq!(
        messages,
        [
            "environment variable CUPEL_LANGUAGES__DISABLED: languages.disabled: there is no language `cppp`; did you mean `cpp`?"
        ]
    );
    assert_eq!(config("", &[("CUPEL_LANGUAGES__DISABLED", "rust,python")]).languages.disabled, ["rust", "python"]);
}

#[test]
fn a_language_that_the_operator_added_can_be_disabled() {
    let folder = tempfile::tempdir().unwrap();
    let built_in = cupel_languages::Registry::load(None).unwrap();
    assert!(built_in.find("anothertongue").is_none());
    let lua = include_str!("../../../../languages/lua.toml");
    let another = lua.replace("[\"lua5.4\"]\nextensions = [\"lua\"]", "[]\nextensions = [\"tongue\"]");
    let facades = another.find("[facades]").unwrap()..another.find("[packages]").unwrap();
    let another = another.replace(&another[facades], "");
    std::fs::write(folder.path().join("anothertongue.toml"), another).unwrap();
    cupel_languages::Registry::load(Some(folder.path())).unwrap();
    let file = format!("[languages]\ndirectory = {:?}\ndisabled = [\"anothertongue\"]\n", folder.path());
    assert_eq!(config(&file, &[]).languages.disabled, ["anothertongue"]);
    // The directory in the data directory is used without being named.
    let data = tempfile::tempdir().unwrap();
    std::fs::rename(folder.path(), data.path().join("languages")).unwrap();
    let file = format!("[data]\ndirectory = {:?}\n[languages]\ndisabled = [\"anothertongue\"]\n", data.path());
    assert_eq!(config(&file, &[]).languages.disabled, ["anothertongue"]);
}

#[test]
fn limits_of_judge0_are_numbers_or_the_defaults_of_judge0() {
    let limits = config("", &[]).facades.judge0_options;
    assert_eq!(limits, cupel_facades::Judge0Options::default(), "the defaults are those of Judge0");
    let file = "[facades.judge0]\ncpu_time_limit = 2\nmax_cpu_time_limit = \"7.5\"\nallowed_languages_for_compiler_options = [\"C\"]\n";
    let options = config(file, &[("CUPEL_FACADES__JUDGE0__MAX_NUMBER_OF_RUNS", "5")]).facades.judge0_options;
    let cupel_facades::Judge0Limits { cpu_time_limit, number_of_runs, memory_limit, .. } = options.limits;
    assert_eq!((cpu_time_limit.default, cpu_time_limit.max), (Some(2.0), Some(7.5)));
    assert_eq!((number_of_runs.default, number_of_runs.max), (None, Some(5.0)));
    assert_eq!((memory_limit.default, memory_limit.max), (None, None));
    assert_eq!(options.allowed_languages_for_compiler_options, ["C"]);
    let of = |text: &str| faults(&format!("[facades.judge0]\n{text}\n"), &[]);
    for (text, part) in [
        ("cpu_time_limit = \"much\"", "facades.judge0.cpu_time_limit: expected a number of at least 0"),
        ("cpu_time_limit = -1", "facades.judge0.cpu_time_limit: expected a number of at least 0"),
        (
            "memory_limit = 9\nmax_memory_limit = 8",
            "facades.judge0.memory_limit: is more than facades.judge0.max_memory_limit",
        ),
        ("max_submission_batch_size = 0", "facades.judge0.max_submission_batch_size: expected a whole number from 1"),
    ] {
        let found = of(text);
        assert!(found.len() == 1 && found[0].contains(part), "{text}: {found:?}");
    }
}

#[test]
fn origins_may_be_a_json_array_in_the_environment_and_must_be_origins() {
    let of = |text: &str| config("", &[("CUPEL_SERVER__CORS_ORIGINS", text)]).server.cors_origins;
    let both = ["https://a.example", "http://[::1]:8080"];
    assert_eq!(of(r#"["https://a.example", "http://[::1]:8080"]"#), both);
    assert_eq!(of("https://a.example, http://[::1]:8080"), both);
    assert_eq!(of("*"), ["*"]);
    let bad = [
        r#"["https://a.example""#,
        "[1]",
        "a.example",
        "https://a.example/",
        "'https://a.example'",
        "https://a.example;script-src",
    ];
    for bad in bad {
        for key in ["CUPEL_SERVER__CORS_ORIGINS", "CUPEL_SERVER__EMBED_ORIGINS"] {
            let faults = faults("", &[(key, bad)]);
            assert_eq!(faults.len(), 1, "{key}={bad}: {faults:?}");
        }
    }
}

#[test]
fn an_empty_section_must_be_known() {
    for known in ["[alerts]\n", "[rate_limits]\n[rate_limits.tiers]\n", "[facades.judge0]\n", "queue = {}\n"] {
        config(known, &[]);
    }
    for (unknown, expected) in [
        ("[alert]\n# url = \"x\"\n", "cupel.toml:1: alert: unknown setting"),
        ("[worker]\n[worker.slot]\n", "cupel.toml:2: worker.slot: unknown setting; did you mean `worker.slots`?"),
        ("[rate_limits.tiers.Class]\n", "cupel.toml:1: rate_limits.tiers.Class: unknown setting"),
        ("worker = { slots = {} }\n", "cupel.toml:1: worker.slots: expected a whole number"),
    ] {
        let seen = faults(unknown, &[]);
        assert!(seen.len() == 1 && seen[0].starts_with(expected), "{unknown}: {seen:?}");
    }
}

#[test]
fn shared_programs_are_kept_forever_or_for_a_time_and_no_site_frames_them_by_default() {
    let of = |file: &str| config(file, &[]);
    assert_eq!(of("").snippets.kept, None);
    assert_eq!(of("[snippets]\nkept = \"90d\"").snippets.kept, Some(Duration::from_hours(90 * 24)));
    assert!(of("").server.embed_origins.is_empty());
}

#[test]
fn drafts_are_kept_for_a_year_by_default_or_forever() {
    let of = |file: &str| config(file, &[]).drafts.kept;
    assert_eq!(of(""), Some(Duration::from_hours(365 * 24)));
    assert_eq!(of("[drafts]\nkept = \"0s\""), None);
}

#[test]
fn a_syntax_error_names_file_line_column_and_setting_but_no_value() {
    let file = "[server]\nlisten = \"127.0.0.1:80\"\nbody_max = 16MiB, of text\n";
    let seen = faults(file, &[]);
    assert!(seen.iter().any(|fault| fault.starts_with("cupel.toml:3: column 12, setting `body_max`: ")), "{seen:?}");
    for secret in [
        "[store]\nurl = postgres://u:hidden@h\n",
        "[alerts]\n \"secret\" = \"hidden\n",
        "[store]\nurl\n= \"hidden\n",
        "[metrics]\ntoken = \"a\nhidden = 1\n",
        "[metrics]\ntoken = \"\"\"a\nhidden = 1\n",
        "hidden\n",
    ] {
        let seen = faults(secret, &[]);
        let syntax = seen.iter().find(|fault| fault.contains(": column ")).unwrap_or_else(|| panic!("{seen:?}"));
        assert!(!syntax.contains("hidden"), "{syntax}");
    }
    let seen = faults("[store]\nurl = postgres://u:hidden@h\n", &[]);
    assert!(!seen.iter().any(|fault| fault.contains("hidden")), "{seen:?}");
    assert!(seen.iter().any(|fault| fault.contains("setting `url`")), "{seen:?}");
}
