//! The store as a whole, through `cupel admin`: backup, restore, export, move to PostgreSQL and back.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use cupel_testkit::servers::Postgres;
use tempfile::TempDir;

use crate::support::{Ended, Server, cupel, end, eventually};

fn run(data: &Path, url: Option<&str>, args: &[&str]) -> Ended {
    let mut command: Command = cupel(args);
    command.args(["--data", data.to_str().unwrap()]);
    command.envs(url.map(|url| ("CUPEL_STORE__URL", url)));
    end(command, b"a-long-enough-password\n")
}

fn fine(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    &ended.stdout
}

/// Creates a folder that the owner of a data directory can also write to. It is not in `/tmp`, where every command
/// may write.
fn folder() -> TempDir {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

fn with_users() -> TempDir {
    let data = tempfile::tempdir().unwrap();
    for name in ["ada", "bob"] {
        let mail = format!("{name}@users.example");
        fine(&run(data.path(), None, &["user", "add", name, &mail, "--password-stdin"]));
    }
    data
}

const USERS: [&str; 3] = ["user", "list", "--json"];

#[test]
fn a_copy_is_restored_only_into_an_empty_directory() {
    let (data, copies, other) = (with_users(), folder(), tempfile::tempdir().unwrap());
    let copy = copies.path().join("copy.db");
    let copy = copy.to_str().unwrap();
    fine(&run(data.path(), None, &["admin", "backup", copy]));
    let again = run(data.path(), None, &["admin", "backup", copy]);
    assert!(again.code != Some(0) && again.stderr.contains("already exists"), "{again:?}");
    // The copy is readable only by its owner, and the other directory may have another owner.
    std::fs::set_permissions(copy, std::fs::Permissions::from_mode(0o644)).unwrap();
    let restored = run(other.path(), None, &["admin", "restore", copy]);
    assert!(fine(&restored).contains("Copy `packages/` and `secret.key`"), "{restored:?}");
    let (here, there) = (run(data.path(), None, &USERS), run(other.path(), None, &USERS));
    assert_eq!(fine(&here), fine(&there));
    let refused = run(data.path(), None, &["admin", "restore", copy]);
    assert!(refused.code != Some(0) && refused.stderr.contains("already exists"), "{refused:?}");
    let nothing = tempfile::tempdir().unwrap();
    assert_eq!(run(nothing.path(), None, &["admin", "backup", "/tmp/none.db"]).code, Some(3));
    assert_eq!((again.code, refused.code), (Some(2), Some(2)), "the file on the command line is wrong");
    let absent = run(nothing.path(), None, &["admin", "restore", "/tmp/none.db"]);
    assert!(absent.code != Some(0) && absent.stderr.contains("No such file"), "{absent:?}");
}

/// A killed server leaves the log of its database, which SQLite would apply to a restored database.
#[test]
fn a_copy_is_not_restored_beside_the_log_of_another_database() {
    let (data, copies, other) = (with_users(), folder(), tempfile::tempdir().unwrap());
    let at = |name: &str| copies.path().join(name).to_str().unwrap().to_owned();
    fine(&run(data.path(), None, &["admin", "backup", &at("copy.db")]));
    let log = other.path().join("cupel.db-wal");
    std::fs::write(&log, b"changes of another database").unwrap();
    let refused = run(other.path(), None, &["admin", "restore", &at("copy.db")]);
    assert!(refused.code == Some(2) && refused.stderr.contains("cupel.db-wal"), "{refused:?}");
    assert!(log.exists() && !other.path().join("cupel.db").exists());
    std::fs::remove_file(&log).unwrap();
    fine(&run(other.path(), None, &["admin", "restore", &at("copy.db")]));
    assert_eq!(fine(&run(data.path(), None, &USERS)), fine(&run(other.path(), None, &USERS)));

    std::fs::write(at("second.db-wal"), b"changes of another database").unwrap();
    let refused = run(data.path(), None, &["admin", "backup", &at("second.db")]);
    assert!(refused.code == Some(2) && refused.stderr.contains("second.db-wal"), "{refused:?}");
}

/// SQLite reads a database in its usual mode only with write access to the directory, which the owner of the new data
/// directory may lack.
#[test]
fn a_plain_copy_of_the_database_is_restored_from_a_directory_that_only_root_can_write() {
    let (data, copies) = (with_users(), tempfile::tempdir_in("/dev/shm").unwrap());
    std::fs::set_permissions(copies.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let copy = copies.path().join("copy.db");
    std::fs::copy(data.path().join("cupel.db"), &copy).unwrap();
    for mode in [0o600, 0o644] {
        std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(mode)).unwrap();
        let other = tempfile::tempdir().unwrap();
        fine(&run(other.path(), None, &["admin", "restore", copy.to_str().unwrap()]));
        assert_eq!(fine(&run(other.path(), None, &USERS)), fine(&run(data.path(), None, &USERS)));
    }
    // What is only in the log would be lost without a word.
    std::fs::write(copies.path().join("copy.db-wal"), b"changes").unwrap();
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o600)).unwrap();
    let link = copies.path().join("link.db");
    symlink("copy.db", &link).unwrap();
    for (mode, name) in [(0o755, &copy), (0o700, &copy), (0o700, &link)] {
        // In the last two cases, the owner of the new data directory cannot enter the directory of the copy.
        std::fs::set_permissions(copies.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        let other = tempfile::tempdir().unwrap();
        let refused = run(other.path(), None, &["admin", "restore", name.to_str().unwrap()]);
        assert!(refused.code == Some(2) && refused.stderr.contains("copy.db-wal"), "{mode:o}: {refused:?}");
        assert!(!other.path().join("cupel.db").exists());
    }
}

#[test]
fn packages_of_another_owner_are_refused_with_the_remedy() {
    let data = with_users();
    let packages = data.path().join("packages");
    let _ = std::fs::remove_dir_all(&packages);
    std::fs::create_dir(&packages).unwrap();
    std::fs::set_permissions(&packages, std::fs::Permissions::from_mode(0o700)).unwrap();
    let refused = run(data.path(), None, &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.code, Some(7), "{refused:?}");
    assert!(refused.stderr.contains("`chown --recursive --reference="), "{refused:?}");
}

#[test]
fn a_mistyped_data_directory_is_refused_and_not_created() {
    let folder = folder();
    let mistyped = folder.path().join("mistyped");
    let copy = folder.path().join("copy.db");
    let copy = copy.to_str().unwrap();
    for command in [&["admin", "migrate"][..], &["admin", "backup", copy], &["admin", "export"]] {
        let ended = run(&mistyped, None, command);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.stderr.contains("there is no directory"), "{ended:?}");
        assert!(!mistyped.exists(), "{command:?}");
    }
    let absent = run(&mistyped, None, &["admin", "restore", copy]);
    assert!(absent.code == Some(2) && absent.stderr.contains("No such file"), "{absent:?}");
    assert!(!mistyped.exists(), "a restore without a copy creates no directory");
    std::fs::write(copy, "no database").unwrap();
    let foreign = run(&mistyped, None, &["admin", "restore", copy]);
    assert!(foreign.code == Some(2) && foreign.stderr.contains("not a readable SQLite database"), "{foreign:?}");
    assert!(!mistyped.exists(), "a restore of a file that is no database creates no directory");
    // An SQLite database of another program: without the version of Cupel's schema.
    let data = with_users();
    let other = folder.path().join("other.db");
    let other = other.to_str().unwrap();
    fine(&run(data.path(), None, &["admin", "backup", other]));
    std::fs::File::options().write(true).open(other).unwrap().write_all_at(&[0; 4], 60).unwrap();
    let foreign = run(&mistyped, None, &["admin", "restore", other]);
    assert!(foreign.code == Some(2) && foreign.stderr.contains("is not a cupel database"), "{foreign:?}");
    assert!(!mistyped.exists(), "a restore of another program's database creates no directory");
}

/// A small disk, mounted until the value is dropped.
pub(crate) struct SmallDisk(TempDir);

impl SmallDisk {
    pub(crate) fn mount() -> SmallDisk {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m,mode=777", "cupel-test"]).arg(folder.path());
        assert!(mount.status().unwrap().success());
        SmallDisk(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills the disk, except for less than a page.
    pub(crate) fn fill(&self) {
        let mut file = std::fs::File::create(self.path().join("fill")).unwrap();
        while file.write(&[1; 4096]).is_ok_and(|written| written > 0) {}
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_data_disk_does_not_prevent_a_backup_and_a_full_target_keeps_no_part_of_it() {
    let (disk, closed, open) = (SmallDisk::mount(), tempfile::tempdir().unwrap(), folder());
    let data = disk.path().join("data");
    fine(&run(&data, None, &["user", "add", "ada", "ada@users.example", "--password-stdin"]));
    let users = run(&data, None, &USERS);
    disk.fill();
    // In the first directory, the owner of the data directory cannot create files.
    std::fs::set_permissions(closed.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    for target in [closed.path(), open.path()] {
        let copy = target.join("copy.db");
        fine(&run(&data, None, &["admin", "backup", copy.to_str().unwrap()]));
        assert_eq!(std::fs::read_dir(target).unwrap().count(), 1, "the directory contains only the backup");
        let restored = tempfile::tempdir().unwrap();
        fine(&run(restored.path(), None, &["admin", "restore", copy.to_str().unwrap()]));
        assert_eq!(fine(&run(restored.path(), None, &USERS)), fine(&users));
    }
    let names =
        || -> BTreeSet<_> { std::fs::read_dir(disk.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect() };
    let before = names();
    let failed = run(&data, None, &["admin", "backup", disk.path().join("copy.db").to_str().unwrap()]);
    assert!(failed.code == Some(7) && failed.stderr.starts_with("error: "), "{failed:?}");
    assert_eq!(names(), before);
}

/// Regression: copies of the database stayed behind.
#[test]
fn a_signal_during_a_backup_leaves_no_copy_behind() {
    let (data, temporary) = (with_users(), folder());
    let mut command = cupel(["admin", "backup", "-", "--data", data.path().to_str().unwrap()]);
    command.env("TMPDIR", temporary.path()).stdin(Stdio::null()).stderr(Stdio::null());
    // Nobody reads the pipe, which is smaller than the copy.
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let is_complete = |path: &Path| {
        std::fs::read_dir(path).is_ok_and(|files| files.flatten().any(|file| file.file_name() == "copy.db"))
    };
    eventually(|| {
        assert_eq!(child.try_wait().unwrap(), None);
        let mut folders = std::fs::read_dir(temporary.path()).unwrap().flatten();
        folders.any(|folder| is_complete(&folder.path())).then_some(())
    });
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(eventually(|| child.try_wait().unwrap()).code(), Some(130));
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn root_backs_up_into_and_restores_from_its_own_directory() {
    let (data, other) = (with_users(), tempfile::tempdir().unwrap());
    // The owner of the data directory can neither enter nor write to this directory.
    let closed = tempfile::tempdir().unwrap();
    std::fs::set_permissions(closed.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let copy = closed.path().join("copy.db");
    fine(&run(data.path(), None, &["admin", "backup", copy.to_str().unwrap()]));
    let made = std::fs::metadata(&copy).unwrap();
    assert_eq!((made.uid(), made.mode() & 0o777), (0, 0o600));
    assert_eq!(std::fs::read_dir(closed.path()).unwrap().count(), 1, "the directory contains only the backup");
    fine(&run(other.path(), None, &["admin", "restore", copy.to_str().unwrap()]));
    assert_eq!(fine(&run(data.path(), None, &USERS)), fine(&run(other.path(), None, &USERS)));
    for data in [data.path(), other.path()] {
        let names = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert!(!names.into_iter().any(|name| name.contains("copy")));
    }
    let nowhere = closed.path().join("missing/copy.db");
    let failed = run(data.path(), None, &["admin", "backup", nowhere.to_str().unwrap()]);
    assert!(failed.code == Some(2) && failed.stderr.contains("cannot be written"), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_moves_to_postgresql_and_back() {
    let url = Postgres::shared().database().await;
    let (data, other) = (with_users(), tempfile::tempdir().unwrap());
    let users = run(data.path(), None, &USERS);
    let exported = run(data.path(), None, &["admin", "export"]);
    let from_stdin = cupel(["admin", "move", "-", "--data", data.path().to_str().unwrap()]);
    let output = end(from_stdin, url.as_bytes());
    assert!(fine(&output).contains("store.url") && output.stderr.contains("users: 2"), "{output:?}");
    let there = |args: &[&str]| run(other.path(), Some(&url), args);
    assert_eq!(fine(&there(&USERS)), fine(&users));
    assert_eq!(fine(&there(&["admin", "export"])), fine(&exported));
    fine(&there(&["admin", "migrate"]));
    let again = run(data.path(), None, &["admin", "move", &url]);
    assert!(again.code != Some(0) && again.stderr.contains("empty"), "{again:?}");
    let backup = there(&["admin", "backup", "/tmp/none.db"]);
    assert!(backup.code == Some(2) && backup.stderr.contains("pg_dump"), "{backup:?}");
    // Parts of an interrupted move are not a database, and a repetition replaces them.
    let unfinished = other.path().join("cupel.db.moving");
    std::fs::write(&unfinished, "a part").unwrap();
    assert_eq!(run(other.path(), None, &USERS).code, Some(3));
    let log = other.path().join("cupel.db-wal");
    std::fs::write(&log, b"changes of another database").unwrap();
    let refused = there(&["admin", "move", "sqlite"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("cupel.db-wal"), "{refused:?}");
    std::fs::remove_file(&log).unwrap();
    fine(&there(&["admin", "move", "sqlite"]));
    assert!(!unfinished.exists());
    assert_eq!(fine(&run(other.path(), None, &USERS)), fine(&users));
    let again = there(&["admin", "move", "sqlite"]);
    assert!(again.code == Some(2) && again.stderr.contains("cupel.db` already exists"), "{again:?}");
}

/// Regression: the command created `./data`, or gave a directory of another program to the service user.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_store_is_a_server_neither_creates_nor_changes_a_data_directory() {
    let url = Postgres::shared().database().await;
    let (empty, website) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let images = website.path().join("data/images");
    std::fs::create_dir_all(&images).unwrap();
    for place in [empty.path(), website.path()] {
        for args in [&["admin", "workers"][..], &USERS, &["admin", "migrate"], &["admin", "export"]] {
            let mut command = cupel(args);
            command.current_dir(place).env("CUPEL_STORE__URL", &url);
            fine(&end(command, b""));
        }
    }
    assert!(!empty.path().join("data").exists());
    for path in [&images, &website.path().join("data")] {
        assert_eq!(std::fs::metadata(path).unwrap().uid(), 0, "{}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_not_moved_while_a_server_uses_it_and_an_export_warns() {
    let url = Postgres::shared().database().await;
    let (node, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut server = Server::start(node.path(), &[("CUPEL_STORE__URL", &url), ("CUPEL_BLOBS__URL", "postgres")]);
    let there = |args: &[&str]| run(target.path(), Some(&url), args);
    let refused = there(&["admin", "move", "sqlite"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("servers use the database"), "{refused:?}");
    let exported = there(&["admin", "export"]);
    fine(&exported);
    assert!(exported.stderr.contains("warning: servers use this database"), "{exported:?}");
    server.terminate();
    assert!(server.ended().success());
    let moved = eventually(|| Some(there(&["admin", "move", "sqlite"])).filter(|moved| moved.code == Some(0)));
    assert!(moved.stdout.contains("moved to"), "{moved:?}");
}

#[test]
fn an_export_of_a_data_directory_warns_while_a_server_uses_it() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path(), &[]);
    let export = || {
        let exported = run(data.path(), None, &["admin", "export"]);
        fine(&exported);
        exported.stderr
    };
    assert!(export().contains("warning: servers use this database"));
    server.terminate();
    assert!(server.ended().success());
    assert_eq!(export(), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn problems_move_with_their_packages_in_both_directions() {
    let url = Postgres::shared().database().await;
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut server = Server::start(data.path(), &[("CUPEL_PROBLEMS__SHIPPED", "true")]);
    server.terminate();
    assert!(server.ended().success());
    let packages = |data: &Path| -> BTreeSet<String> {
        let entries = std::fs::read_dir(data.join("packages")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let mut there = packages(data.path());
    // A missing package does not stop the move.
    let lost = there.pop_first().unwrap();
    std::fs::remove_dir_all(data.path().join("packages").join(&lost)).unwrap();
    // Neither the arguments nor a file that everybody can read has the password.
    let file = data.path().with_extension("url");
    std::fs::write(&file, format!("{url}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let both = run(data.path(), None, &["admin", "move", "sqlite", "--url-file", file.to_str().unwrap()]);
    assert_eq!((both.code, run(data.path(), None, &["admin", "move"]).code), (Some(2), Some(2)), "{both:?}");
    let output = run(data.path(), None, &["admin", "move", "--url-file", file.to_str().unwrap()]);
    std::fs::remove_file(&file).unwrap();
    assert!(fine(&output).contains("blobs.url") && output.stderr.contains(&lost), "{output:?}");
    assert!(output.stderr.contains(&format!("packages: {}\n", there.len())), "{output:?}");
    let mut back = cupel(["admin", "move", "sqlite", "--data", other.path().to_str().unwrap()]);
    back.envs([("CUPEL_STORE__URL", url.as_str()), ("CUPEL_BLOBS__URL", "postgres")]);
    let output = end(back, b"");
    fine(&output);
    assert!(output.stderr.contains(&lost), "{output:?}");
    assert_eq!(packages(other.path()), there);
}

#[test]
fn an_unusable_store_is_reported_with_setting_and_remedy_without_the_password() {
    let data = tempfile::tempdir().unwrap();
    let url = Postgres::shared().url();
    let wrong = run(data.path(), Some(&url.replacen(":secret", ":guessed-secret", 1)), &USERS);
    assert!(
        wrong.code == Some(7) && wrong.stderr.contains("store.url") && wrong.stderr.contains("password"),
        "{wrong:?}"
    );
    assert!(!wrong.stderr.contains("guessed-secret"), "{wrong:?}");
    let at = "postgres://u:secret@127.0.0.1:1/d";
    let nowhere = run(data.path(), Some(at), &USERS);
    assert!(nowhere.code != Some(0) && nowhere.stderr.contains("127.0.0.1:1/d"), "{nowhere:?}");
    // The message is the same if the database is also used for queue or events.
    let mut command = cupel(["api", "--listen", "127.0.0.1:0", "--data", data.path().to_str().unwrap()]);
    command.envs([("CUPEL_STORE__URL", at), ("CUPEL_BLOBS__URL", "postgres")]);
    command.envs([("CUPEL_QUEUE__URL", "postgres"), ("CUPEL_EVENTS__URL", "postgres")]);
    let node = end(command, b"");
    assert!(node.code != Some(0) && node.stderr.contains("host, port and `sslmode` in `store.url`"), "{node:?}");
}

#[test]
fn shipped_packages_that_a_restored_database_lacks_are_stored_again() {
    let data = tempfile::tempdir().unwrap();
    let settings = [("CUPEL_PROBLEMS__SHIPPED", "true")];
    let server = Server::start(data.path(), &settings);
    let problem = |server: &Server| server.get("/api/v1/problems/quiet-hours").0;
    assert_eq!(problem(&server), 200);
    drop(server);
    std::fs::remove_dir_all(data.path().join("packages")).unwrap();
    let server = Server::start(data.path(), &settings);
    assert_eq!(problem(&server), 200);
}
