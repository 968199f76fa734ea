//! The operator alone, for whoever changes it: `cargo bench f32/forward`.
//!
//! Criterion remembers the last run and says what has changed since. Beside libtorch it is measured by
//! `cargo xtask bench operator`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use half::{bf16, f16};
use mapcheck::group_norm::{GroupNorm, Wanted};
use mapcheck::random::Generator;
use mapcheck::tensor::Element;
use ndarray::Array4;

/// Samples, channels, height, width, and groups: in the first cache, in the second, and in neither.
const SHAPES: [([usize; 4], i64); 3] = [([2, 32, 8, 8], 8), ([4, 64, 32, 32], 32), ([8, 256, 56, 56], 32)];

/// So many values are drawn and then repeated.
const DRAWN: usize = 65_521;

fn array<T: Element>(sizes: [usize; 4], seed: u64) -> Array4<T> {
    let mut generator = Generator::new(seed);
    let drawn: Vec<T> = (0..DRAWN).map(|_| T::rounded(generator.bell())).collect();
    let values = drawn.into_iter().cycle().take(sizes.iter().product()).collect();
    Array4::from_shape_vec(sizes, values).expect("a value for each element")
}

/// A GroupNorm and two arrays that it takes.
struct Subject<T> {
    name: String,
    norm: GroupNorm,
    x: Array4<T>,
    other: Array4<T>,
}

impl<T: Element> Subject<T> {
    fn new((sizes, groups): ([usize; 4], i64)) -> Self {
        let [samples, channels, height, width] = sizes;
        let norm = GroupNorm::builder(groups, channels as i64).dtype(T::DTYPE).build();
        Self {
            name: format!("{samples}x{channels}x{height}x{width}/{groups}"),
            norm: norm.expect("the channels can be divided into the groups"),
            x: array(sizes, 1),
            other: array(sizes, 2),
        }
    }
}

fn bytes<T>(array: &Array4<T>) -> Throughput {
    Throughput::Bytes((array.len() * size_of::<T>()) as u64)
}

fn forward_into<T: Element>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(format!("{}/forward_into", T::DTYPE));
    for Subject { name, norm, x, other: mut y } in SHAPES.map(Subject::<T>::new) {
        group.throughput(bytes(&x)).bench_function(name, |bencher| {
            bencher.iter(|| norm.forward_into(black_box(x.view()), y.view_mut()).expect("y is of the shape of x"));
        });
    }
    group.finish();
}

fn backward<T: Element>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(format!("{}/backward", T::DTYPE));
    for Subject { name, norm, x, other: dy } in SHAPES.map(Subject::<T>::new) {
        group.throughput(bytes(&x)).bench_function(name, |bencher| {
            bencher.iter(|| norm.backward(black_box(x.view()), black_box(dy.view()), Wanted::ALL));
        });
    }
    group.finish();
}

fn every_dtype(criterion: &mut Criterion) {
    forward_into::<f32>(criterion);
    forward_into::<f16>(criterion);
    forward_into::<bf16>(criterion);
    forward_into::<f64>(criterion);
    backward::<f32>(criterion);
    backward::<f16>(criterion);
    backward::<bf16>(criterion);
    backward::<f64>(criterion);
}

criterion_group!(benches, every_dtype);
criterion_main!(benches);
