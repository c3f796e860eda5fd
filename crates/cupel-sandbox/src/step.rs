//! Steps of setting up a lane or a cell. Each setup failure names the step that failed.

use std::fmt;

macro_rules! steps {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        /// A step of the setup of a lane or a cell, up to the start of the program.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the Display text documents them")]
        pub enum SetupStep { $($name = $number),* }

        impl SetupStep {
            pub(crate) fn from_number(number: u32) -> SetupStep {
                match number { $($number => SetupStep::$name,)* _ => SetupStep::Unknown }
            }
        }

        impl fmt::Display for SetupStep {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(SetupStep::$name => $text),* })
            }
        }
    };
}

steps! {
    Unknown = 255, "complete an unknown step";
    Clone = 1, "make the namespaces";
    IdMap = 2, "map user and group ids";
    CgroupCreate = 3, "make the control groups";
    CgroupJoin = 4, "join the control groups";
    CgroupLimits = 5, "set the limits of the control groups";
    Identity = 6, "change to the lane's user id";
    HostName = 7, "set the host name";
    NamespaceLimits = 8, "forbid new namespaces and other kernel objects";
    RootTrees = 9, "open the files and directories of the root";
    RootMount = 10, "mount the root";
    RootFill = 11, "fill the root";
    RootPivot = 12, "change to the new root";
    LaneProc = 13, "mount the lane's /proc";
    OomPreference = 14, "prefer the program as the OOM killer's victim";
    BoxMount = 15, "mount the box";
    CellProc = 16, "mount the cell's /proc";
    BoxFiles = 17, "write the files into the box";
    LandlockRules = 18, "make the Landlock rules";
    Session = 19, "start a process group in the box";
    Descriptors = 20, "arrange the descriptors";
    Rlimits = 21, "set the resource limits";
    Capabilities = 22, "drop the capabilities";
    Credentials = 23, "become the unprivileged user";
    NoNewPrivs = 24, "forbid new privileges";
    LandlockApply = 25, "apply the Landlock rules";
    SeccompApply = 26, "install the system call filter";
    Exec = 27, "execute the program";
    Collect = 28, "collect the files left in the box";
    Protocol = 29, "read the request";
    Fork = 30, "fork";
    Pin = 31, "pin to a processor";
    Count = 32, "count instructions";
    Terminal = 33, "make the terminal";
    Signals = 34, "wait for signals for the program";
    ForeignOom = 35, "keep the program alive, because the machine or a control group above the cell's has no memory left";
    OwnUserNamespace = 60, "make a user namespace for the launcher";
}
