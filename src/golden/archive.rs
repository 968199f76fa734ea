//! One `.npz` file: arrays by the hash of their content.

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;
use std::ops::Range;
use std::path::Path;

use half::{bf16, f16};
use ndarray_npy::NpzWriter;

use super::manifest::Stored;
use crate::file;
use crate::tensor::{Element, Strided, Tensor, with_type};

/// A larger file is not read.
const MOST_BYTES: u64 = 256 << 20;

/// A file that was read whole and whose hash was the one expected.
pub struct Archive {
    bytes: Vec<u8>,
    members: HashMap<String, Range<usize>>,
}

impl Archive {
    /// Reads a file, and refuses it unparsed where its hash is another.
    pub fn read(path: &Path, expected_hash: &str) -> Result<Self, String> {
        let bytes = file::read(path, MOST_BYTES).map_err(|unread| unread.to_string())?;
        if file_hash(&bytes) != expected_hash {
            return Err("its content is not what the manifest was written for".to_owned());
        }
        let mut zip = zip::ZipArchive::new(Cursor::new(&bytes)).map_err(|error| error.to_string())?;
        let mut members = HashMap::with_capacity(zip.len());
        for i in 0..zip.len() {
            let member = zip.by_index_raw(i).map_err(|error| error.to_string())?;
            let start = usize::try_from(member.data_start()).map_err(|error| error.to_string())?;
            let range = start..start.saturating_add(usize::try_from(member.size()).unwrap_or(usize::MAX));
            let name = member.name().trim_end_matches(".npy").to_owned();
            if member.compression() != zip::CompressionMethod::Stored || bytes.get(range.clone()).is_none() {
                return Err(format!("its member {name} is not stored plainly"));
            }
            members.insert(name, range);
        }
        Ok(Self { bytes, members })
    }

    /// Reads the file of this hash: in its place or, where a recorder was stopped on the way, beside it.
    pub(super) fn find(folder: &Path, file: &str, hash: &str) -> Result<Self, String> {
        let beside = || Self::read(&folder.join(staged(file, hash)), hash).ok();
        Self::read(&folder.join(file), hash).or_else(|problem| beside().ok_or(problem))
    }

    /// An array as the manifest describes it.
    ///
    /// The header of the member is not read: the content's hash covers dtype, shape and bits.
    pub fn get(&self, stored: &Stored) -> Result<Tensor, String> {
        let range = self.members.get(&stored.hash).ok_or_else(|| format!("it has no array {}", stored.hash))?;
        let member = &self.bytes[range.clone()];
        let shape = stored.kept_shape();
        let tensor = with_type!(stored.dtype, T => {
            let length = shape.iter().product::<usize>().saturating_mul(size_of::<T>());
            let data = member.len().checked_sub(length).map(|start| &member[start..]);
            data.and_then(|data| {
                let values: Vec<T> = data.chunks_exact(size_of::<T>()).map(|bytes| {
                    T::from_le_bytes(bytes.try_into().expect("chunks are of the size of the type"))
                }).collect();
                Strided::contiguous(values, &shape).map(T::tensor)
            })
        });
        match tensor {
            Some(tensor) if content_hash(&tensor) == stored.hash => Ok(tensor),
            _ => Err(format!("its array {} is not the one that the manifest describes", stored.hash)),
        }
    }
}

/// The bytes of an `.npz` file with these arrays, named by content: the same on every run.
pub(super) fn write(arrays: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, String> {
    let mut bytes = Cursor::new(Vec::new());
    let mut npz = NpzWriter::new(&mut bytes);
    for (name, tensor) in arrays {
        let added = match tensor {
            Tensor::F16(s) => npz.add_array(name.as_str(), &s.view().mapv(f16::to_bits)),
            Tensor::BF16(s) => npz.add_array(name.as_str(), &s.view().mapv(bf16::to_bits)),
            Tensor::F32(s) => npz.add_array(name.as_str(), &s.view()),
            Tensor::F64(s) => npz.add_array(name.as_str(), &s.view()),
        };
        added.map_err(|error| error.to_string())?;
    }
    npz.finish().map_err(|error| error.to_string())?;
    Ok(bytes.into_inner())
}

/// The hash by which the manifest knows a file.
pub(super) fn file_hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// The name under which the file of this hash is written beside its place.
pub(super) fn staged(file: &str, hash: &str) -> String {
    format!("{file}.{}", hash.get(..16).unwrap_or(hash))
}

/// The hash by which an array is named: of dtype, shape and bits.
pub(super) fn content_hash(tensor: &Tensor) -> String {
    let mut hasher = blake3::Hasher::new();
    tensor.contiguous().hash_into(&mut hasher);
    hasher.finalize().to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::DType;

    fn arrays() -> (BTreeMap<String, Tensor>, Vec<Stored>) {
        let (mut arrays, mut stored) = (BTreeMap::new(), Vec::new());
        for dtype in DType::ALL {
            let tensor = Tensor::from_f64(dtype, &[2, 3], &[1.0, -0.0, 2.5, f64::INFINITY, 1e-3, 7.0]).unwrap();
            let hash = content_hash(&tensor);
            stored.push(Stored { dtype, shape: vec![2, 3], hash: hash.clone() });
            arrays.insert(hash, tensor);
        }
        (arrays, stored)
    }

    #[test]
    fn every_dtype_comes_back_bit_for_bit() {
        let (arrays, stored) = arrays();
        let bytes = write(&arrays).unwrap();
        assert_eq!(bytes, write(&arrays).unwrap(), "the same bytes on every run");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        let archive = Archive::read(file.path(), &file_hash(&bytes)).unwrap();
        for stored in stored {
            assert!(archive.get(&stored).unwrap().same_bits(&arrays[&stored.hash]));
            assert!(archive.get(&Stored { shape: vec![3, 2], ..stored.clone() }).is_err());
            assert!(archive.get(&Stored { shape: vec![1 << 40], ..stored.clone() }).is_err());
            let other = if stored.dtype == DType::F64 { DType::F32 } else { DType::F64 };
            assert!(archive.get(&Stored { dtype: other, ..stored }).is_err());
        }
    }

    #[test]
    fn numpy_s_own_format_is_written() {
        let (arrays, stored) = arrays();
        let mut npz = ndarray_npy::NpzReader::new(Cursor::new(write(&arrays).unwrap())).unwrap();
        for stored in stored.iter().filter(|stored| stored.dtype == DType::F32) {
            let array: ndarray::ArrayD<f32> = npz.by_name(&stored.hash).unwrap();
            assert!(Tensor::from_array(&array).same_bits(&arrays[&stored.hash]));
        }
    }

    #[test]
    fn timestamps_do_not_enter_the_file() {
        // 1980-01-01 00:00 in the first local header: a dependency that switches real time stamps on would show here.
        let bytes = write(&arrays().0).unwrap();
        assert_eq!(bytes[10..14], [0, 0, 0x21, 0]);
    }

    #[test]
    fn an_altered_byte_is_refused_before_parsing() {
        let bytes = write(&arrays().0).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        for i in (0..bytes.len()).step_by(7) {
            let mut altered = bytes.clone();
            altered[i] ^= 1;
            std::fs::write(file.path(), &altered).unwrap();
            assert!(Archive::read(file.path(), &file_hash(&bytes)).is_err(), "byte {i}");
        }
    }
}
