//! What stands in for a value that is wrong, so that what comes after it is read too.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::mistake::Failed;

/// Something of whatever type is wanted.
#[derive(Clone, Copy)]
pub(super) struct StandIn;

impl<'de> de::Deserializer<'de> for StandIn {
    type Error = Failed<'de>;

    /// An empty list: of what is read by looking at it, each takes one.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed<'de>> {
        visitor.visit_seq(StandIns(0))
    }
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed<'de>> {
        visitor.visit_bool(false)
    }
    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed<'de>> {
        visitor.visit_u64(1)
    }
    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed<'de>> {
        visitor.visit_u64(1)
    }
    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed<'de>> {
        visitor.visit_u64(1)
    }
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed<'de>> {
        visitor.visit_f64(1.0)
    }
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed<'de>> {
        visitor.visit_str("")
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed<'de>> {
        visitor.visit_none()
    }
    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Failed<'de>> {
        visitor.visit_seq(StandIns(length))
    }
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed<'de>> {
        visitor.visit_map(Fields(&[]))
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed<'de>> {
        visitor.visit_map(Fields(fields))
    }
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed<'de>> {
        let word = variants.first().copied().unwrap_or_default();
        visitor.visit_enum(IntoDeserializer::<Failed<'de>>::into_deserializer(word))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u128 f32 char str bytes byte_buf unit unit_struct newtype_struct seq
        tuple_struct identifier ignored_any
    }
}

/// A list of so many.
struct StandIns(usize);

impl<'a> de::SeqAccess<'a> for StandIns {
    type Error = Failed<'a>;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Failed<'a>> {
        let more = self.0.checked_sub(1);
        self.0 = more.unwrap_or(0);
        more.map(|_| seed.deserialize(StandIn)).transpose()
    }
}

/// A mapping with all of these.
struct Fields(&'static [&'static str]);

impl<'a> de::MapAccess<'a> for Fields {
    type Error = Failed<'a>;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Failed<'a>> {
        let Some((first, rest)) = self.0.split_first() else { return Ok(None) };
        self.0 = rest;
        seed.deserialize(StrDeserializer::new(first)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Failed<'a>> {
        seed.deserialize(StandIn)
    }
}
