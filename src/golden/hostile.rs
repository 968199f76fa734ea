//! Archives of which the manifest knows the hash, and that nobody should have written.

use std::collections::BTreeMap;
use std::path::Path;

use super::archive::{Archive, content_hash, file_hash, write};
use super::manifest::Stored;
use crate::tensor::{DType, Tensor};

#[path = "../../tests/common/mutate.rs"]
mod mutate;
#[path = "../../tests/common/over.rs"]
mod over;
use mutate::{mutated, numbers};
use over::write_over;

/// Two arrays, and how the manifest describes them.
fn arrays() -> (BTreeMap<String, Tensor>, Vec<Stored>) {
    let tensors = [(DType::F32, [0.5, -1.5]), (DType::F16, [2.0, 3.0])]
        .map(|(dtype, values)| Tensor::from_f64(dtype, &[1, 2], &values).unwrap());
    let named = tensors.map(|tensor| (content_hash(&tensor), tensor));
    let stored = named.each_ref().map(|(hash, tensor)| Stored {
        dtype: tensor.dtype(),
        shape: tensor.shape().to_vec(),
        hash: hash.clone(),
    });
    (named.into(), stored.into())
}

/// What comes of an archive of the hash that is expected: the arrays, or what is wrong.
fn opened(path: &Path, bytes: &[u8], stored: &[Stored]) -> Result<Vec<Tensor>, String> {
    write_over(path, bytes);
    let archive = Archive::read(path, &file_hash(bytes))?;
    stored.iter().map(|stored| archive.get(stored)).collect()
}

/// An archive of members as they are given.
fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in members {
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A member of an `.npz` file with this header and content.
fn npy(header: &str, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), content].concat()
}

#[test]
fn an_archive_of_the_right_hash_gives_what_was_recorded_or_an_error() {
    let (tensors, stored) = arrays();
    let bytes = write(&tensors).unwrap();
    let [first, second] = [0, 1].map(|i| stored[i].hash.as_str());
    let of = |name: &str| format!("{name}.npy");
    let header =
        |shape: &str, dtype: &str| format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let content = [0.5f32, -1.5].map(f32::to_le_bytes).concat();
    let other = [8.0f32, 9.0].map(f32::to_le_bytes).concat();
    let member = npy(&header("(1, 2)", "<f4"), &content);
    // The places of a little-endian u32 in the header of every member, local and central.
    let patched = |local: usize, central: usize, value: u32, width: usize| {
        let mut bytes = bytes.clone();
        for (signature, at) in [(b"PK\x03\x04", local), (b"PK\x01\x02", central)] {
            let starts: Vec<usize> = (0..bytes.len() - 4).filter(|&i| bytes[i..i + 4] == *signature).collect();
            for start in starts {
                bytes[start + at..start + at + width].copy_from_slice(&value.to_le_bytes()[..width]);
            }
        }
        bytes
    };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("as it was written", bytes.clone()),
        ("no archive", b"not an archive".to_vec()),
        ("an empty file", Vec::new()),
        ("an empty archive", zipped(&[])),
        ("a shape of 2^33 in a header", zipped(&[(&of(first), &npy(&header("(8589934592,)", "<f4"), &content))])),
        ("a shape of 2^40 in a header", zipped(&[(&of(first), &npy(&header("(1099511627776,)", "<f4"), b""))])),
        ("a negative size in a header", zipped(&[(&of(first), &npy(&header("(-1, 2)", "<f4"), &other))])),
        ("a pickled object", zipped(&[(&of(first), &npy(&header("(1, 2)", "|O"), b"\x80\x04cos\nsystem\n."))])),
        ("another content", zipped(&[(&of(first), &npy(&header("(1, 2)", "<f4"), &other))])),
        ("swapped names", zipped(&[(&of(second), &member), (&of(first), &npy("", &[0; 4]))])),
        ("a member that is too short", zipped(&[(&of(first), b"")])),
        ("a path out of the folder", zipped(&[(&format!("../../{first}.npy"), &member)])),
        ("an absolute path", zipped(&[(&format!("/{first}.npy"), &member)])),
        ("an archive in the archive", zipped(&[(&of(first), &bytes)])),
        ("members that claim to be deflated", patched(8, 10, 8, 2)),
        ("members that claim to be encrypted", patched(6, 8, 1, 2)),
        ("members that claim 4 GB", patched(22, 24, u32::MAX - 1, 4)),
        ("members that claim to lie beyond the end", patched(18, 42, u32::MAX - 1, 4)),
        ("cut in the middle", bytes[..bytes.len() / 2].to_vec()),
        ("behind something else", [b"#!/bin/sh\n", &bytes[..]].concat()),
    ];
    let folder = tempfile::tempdir().unwrap();
    let told = cases.iter().map(|(name, bytes)| match opened(&folder.path().join("eps.npz"), bytes, &stored) {
        Ok(found) => {
            assert!(
                found.iter().zip(&stored).all(|(tensor, stored)| tensor.same_bits(&tensors[&stored.hash])),
                "{name}"
            );
            format!("{name}: what was recorded")
        }
        Err(problem) => format!("{name}: {problem}"),
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_no_array_can_be_is_not_looked_for() {
    let (tensors, stored) = arrays();
    let (folder, bytes) = (tempfile::tempdir().unwrap(), write(&tensors).unwrap());
    for shape in [vec![1 << 33], vec![1 << 40], vec![0, 1 << 40, 1 << 40], vec![usize::MAX], vec![0], vec![]] {
        let absurd = [Stored { shape: shape.clone(), ..stored[0].clone() }];
        assert!(opened(&folder.path().join("eps.npz"), &bytes, &absurd).is_err(), "{shape:?}");
    }
}

/// `MAPCHECK_MUTATED` makes as many as one likes.
#[test]
fn damaged_archives_give_what_was_recorded_or_an_error() {
    let (tensors, stored) = arrays();
    let (folder, bytes) = (tempfile::tempdir().unwrap(), write(&tensors).unwrap());
    for number in numbers(2000) {
        let damaged = mutated(&bytes, number);
        let found = opened(&folder.path().join("eps.npz"), &damaged, &stored).unwrap_or_default();
        let right = found.iter().zip(&stored).all(|(tensor, stored)| tensor.same_bits(&tensors[&stored.hash]));
        assert!(right, "the input number {number}");
    }
}
