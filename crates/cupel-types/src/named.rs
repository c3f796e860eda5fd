//! Enums whose variants have stable names.

/// Makes an enum without data together with the list of all its variants, and the way from a variant to its
/// stable name and back: from one table, so that no variant can be forgotten in one of them.
///
/// ```
/// cupel_types::named! {
///     /// A colour.
///     #[derive(Clone, Copy, Debug, PartialEq, Eq)]
///     pub enum Colour, as_str, from_name {
///         /// As blood.
///         Red = "red",
///         /// As grass.
///         Green = "green",
///     }
/// }
/// assert_eq!(Colour::ALL.map(Colour::as_str), ["red", "green"]);
/// assert_eq!(Colour::from_name("green"), Some(Colour::Green));
/// assert_eq!(Colour::from_name("Green"), None);
/// ```
#[macro_export]
macro_rules! named {
    (
        $(#[$meta:meta])*
        pub enum $Enum:ident, $to:ident, $from:ident {
            $($(#[$variant_meta:meta])* $Variant:ident = $name:literal,)+
        }
    ) => {
        $(#[$meta])*
        pub enum $Enum {
            $($(#[$variant_meta])* $Variant,)+
        }

        impl $Enum {
            /// Every one, in the order of their declaration.
            pub const ALL: [$Enum; [$($name),+].len()] = [$($Enum::$Variant),+];

            /// The stable name in API, store, metrics and command line.
            pub const fn $to(self) -> &'static str {
                match self {
                    $($Enum::$Variant => $name,)+
                }
            }

            /// The one with this stable name.
            pub fn $from(name: &str) -> Option<$Enum> {
                $Enum::ALL.into_iter().find(|one| one.$to() == name)
            }
        }
    };
}
