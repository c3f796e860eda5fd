//! Statement parameters and result rows, common to both databases.
//!
//! Numbers, flags (0 and 1) and times are integers; ids and hashes are bytes. PostgreSQL stores ids as `uuid`, whose
//! wire format is the same sixteen bytes.

use std::borrow::Cow;

use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use super::fault::SqlFault;
use crate::rows::bad;

/// A statement parameter or a column value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Null,
    Int(i64),
    Text(Cow<'a, str>),
    Blob(Cow<'a, [u8]>),
}

impl Value<'_> {
    /// The same value with owned data.
    pub(crate) fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Int(n) => Value::Int(n),
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Value::Blob(bytes) => Value::Blob(Cow::Owned(bytes.into_owned())),
        }
    }
}

/// The parameters of a statement; the type of each implements [`Bind`].
macro_rules! values {
    [$($value:expr),* $(,)?] => { &[$($crate::sql::Bind::value(&$value)),*] };
}
pub(crate) use values;

/// A type that can be bound as a statement parameter.
pub(crate) trait Bind {
    fn value(&self) -> Value<'_>;
}

macro_rules! bind_numbers {
    ($($number:ty),*) => {$(
        impl Bind for $number {
            fn value(&self) -> Value<'_> {
                Value::Int(i64::from(*self))
            }
        }
    )*};
}
bind_numbers!(i64, u32, u16, bool);

impl Bind for str {
    fn value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
}

impl Bind for String {
    fn value(&self) -> Value<'_> {
        self.as_str().value()
    }
}

impl Bind for [u8] {
    fn value(&self) -> Value<'_> {
        Value::Blob(Cow::Borrowed(self))
    }
}

impl<const N: usize> Bind for [u8; N] {
    fn value(&self) -> Value<'_> {
        self.as_slice().value()
    }
}

impl Bind for Vec<u8> {
    fn value(&self) -> Value<'_> {
        self.as_slice().value()
    }
}

impl<T: Bind> Bind for Option<T> {
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, T::value)
    }
}

impl<T: Bind + ?Sized> Bind for &T {
    fn value(&self) -> Value<'_> {
        (**self).value()
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(n) => ValueRef::Integer(*n),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

type Boxed = Box<dyn std::error::Error + std::marker::Sync + Send>;

impl ToSql for Value<'_> {
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, Boxed> {
        match self {
            Value::Null => return Ok(IsNull::Yes),
            Value::Int(n) => match *column {
                Type::INT8 => out.extend_from_slice(&n.to_be_bytes()),
                Type::INT4 => out.extend_from_slice(&i32::try_from(*n)?.to_be_bytes()),
                _ => return Err(format!("a column of type {column} cannot hold an integer").into()),
            },
            // PostgreSQL does not store NUL in text, so it is replaced by U+FFFD (replacement character).
            Value::Text(text) if text.contains('\0') => {
                out.extend_from_slice(text.replace('\0', "\u{fffd}").as_bytes())
            }
            Value::Text(text) => out.extend_from_slice(text.as_bytes()),
            Value::Blob(bytes) => out.extend_from_slice(bytes),
        }
        Ok(IsNull::No)
    }

    fn accepts(column: &Type) -> bool {
        matches!(*column, Type::INT8 | Type::INT4 | Type::TEXT | Type::BYTEA | Type::UUID)
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value<'a> {
    fn from_sql(column: &Type, raw: &'a [u8]) -> Result<Self, Boxed> {
        Ok(match *column {
            Type::INT8 => Value::Int(i64::from_be_bytes(raw.try_into()?)),
            Type::INT4 => Value::Int(i32::from_be_bytes(raw.try_into()?).into()),
            Type::BOOL => Value::Int((raw != [0]).into()),
            Type::TEXT => Value::Text(Cow::Borrowed(std::str::from_utf8(raw)?)),
            _ => Value::Blob(Cow::Borrowed(raw)),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Boxed> {
        Ok(Value::Null)
    }

    fn accepts(column: &Type) -> bool {
        matches!(*column, Type::INT8 | Type::INT4 | Type::BOOL | Type::TEXT | Type::BYTEA | Type::UUID)
    }
}

/// A result row.
#[derive(Clone, Copy)]
pub(crate) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl<'r> Row<'r> {
    /// The value of a column, borrowed from the row.
    pub(crate) fn value(self, column: usize) -> Result<Value<'r>, SqlFault> {
        match self {
            Row::Sqlite(row) => Ok(match row.get_ref(column)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(n) => Value::Int(n),
                ValueRef::Text(text) => {
                    Value::Text(Cow::Borrowed(std::str::from_utf8(text).map_err(|_| bad("a TEXT"))?))
                }
                ValueRef::Blob(bytes) => Value::Blob(Cow::Borrowed(bytes)),
                ValueRef::Real(_) => return Err(bad("a number").into()),
            }),
            Row::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    /// The value of a column, converted to the type that the caller expects.
    pub(crate) fn get<T: Column<'r>>(self, column: usize) -> Result<T, SqlFault> {
        T::of(self.value(column)?).ok_or_else(|| bad(T::NAME).into())
    }

    /// The bytes of a column, without a copy.
    pub(crate) fn blob(self, column: usize) -> Result<&'r [u8], SqlFault> {
        self.get(column)
    }

    /// The text of a column, without a copy.
    pub(crate) fn text(self, column: usize) -> Result<&'r str, SqlFault> {
        self.get(column)
    }

    pub(crate) fn is_null(self, column: usize) -> Result<bool, SqlFault> {
        Ok(self.value(column)? == Value::Null)
    }
}

/// A type that a column can have.
pub(crate) trait Column<'r>: Sized {
    /// Name of the type in the error for a column of another type.
    const NAME: &'static str;
    fn of(value: Value<'r>) -> Option<Self>;
}

impl Column<'_> for i64 {
    const NAME: &'static str = "a number";
    fn of(value: Value<'_>) -> Option<i64> {
        if let Value::Int(n) = value { Some(n) } else { None }
    }
}

impl Column<'_> for u32 {
    const NAME: &'static str = "a small number";
    fn of(value: Value<'_>) -> Option<u32> {
        i64::of(value)?.try_into().ok()
    }
}

impl Column<'_> for bool {
    const NAME: &'static str = "a flag";
    fn of(value: Value<'_>) -> Option<bool> {
        i64::of(value).map(|n| n != 0)
    }
}

impl<'r> Column<'r> for &'r str {
    const NAME: &'static str = "a TEXT";
    fn of(value: Value<'r>) -> Option<&'r str> {
        if let Value::Text(Cow::Borrowed(text)) = value { Some(text) } else { None }
    }
}

impl<'r> Column<'r> for String {
    const NAME: &'static str = "a TEXT";
    fn of(value: Value<'r>) -> Option<String> {
        if let Value::Text(text) = value { Some(text.into_owned()) } else { None }
    }
}

impl<'r> Column<'r> for &'r [u8] {
    const NAME: &'static str = "a BLOB";
    fn of(value: Value<'r>) -> Option<&'r [u8]> {
        if let Value::Blob(Cow::Borrowed(bytes)) = value { Some(bytes) } else { None }
    }
}

impl<'r> Column<'r> for Vec<u8> {
    const NAME: &'static str = "a BLOB";
    fn of(value: Value<'r>) -> Option<Vec<u8>> {
        if let Value::Blob(bytes) = value { Some(bytes.into_owned()) } else { None }
    }
}

impl<'r, const N: usize> Column<'r> for [u8; N] {
    const NAME: &'static str = "a BLOB of a certain length";
    fn of(value: Value<'r>) -> Option<[u8; N]> {
        <&[u8]>::of(value)?.try_into().ok()
    }
}

impl<'r, T: Column<'r>> Column<'r> for Option<T> {
    const NAME: &'static str = T::NAME;
    fn of(value: Value<'r>) -> Option<Option<T>> {
        if value == Value::Null { Some(None) } else { T::of(value).map(Some) }
    }
}
