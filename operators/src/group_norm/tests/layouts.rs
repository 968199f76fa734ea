//! Arrays of any strides. How they lie in memory shows in the order of additions, and in nothing else.

use ndarray::{Array, Array2, Array4, ArrayView4, Axis, s};

use super::{bits, channels_last, lying, ramp, six};
use crate::group_norm::Wanted;
use crate::tensor::Element;

#[test]
fn strided_inputs_give_the_bits_of_contiguous_ones() {
    fn check<T: Element>() {
        let norm = six(3);
        let large = ramp::<T>([4, 12, 3, 6], 1);
        let one = large.slice(s![..1, ..6, ..1, ..1]);
        let views: [ArrayView4<T>; 5] = [
            large.slice(s![..2, ..6, .., ..3]),
            large.slice(s![..;2, ..;2, .., ..;2]),
            large.slice(s![..2, 6.., ..;-1, ..3]),
            large.slice(s![..2, ..6, .., ..3]).permuted_axes([0, 1, 3, 2]),
            one.broadcast((2, 6, 3, 3)).unwrap(),
        ];
        for x in views {
            let contiguous = x.as_standard_layout().into_owned();
            let y = norm.forward(contiguous.view()).unwrap();
            assert_eq!(bits(&norm.forward(x.view()).unwrap()), bits(&y));
            let dy = ramp::<T>([2, 6, 3, 3], 2);
            let expected = norm.backward(contiguous.view(), dy.view(), Wanted::ALL).unwrap();
            for dy in [&dy, &channels_last(&dy)] {
                let gradients = norm.backward(x.view(), dy.view(), Wanted::ALL).unwrap();
                assert_eq!(bits(&gradients.dx.unwrap()), bits(expected.dx.as_ref().unwrap()));
                assert_eq!(gradients.dgamma, expected.dgamma);
                assert_eq!(gradients.dbeta, expected.dbeta);
            }
        }
    }
    check::<half::f16>();
    check::<f32>();
    check::<f64>();
}

#[test]
fn what_lies_without_gaps_is_taken_and_given_as_it_lies() {
    // Contiguous and channels last, the axes of space in either order.
    const TAKEN: [[usize; 4]; 4] = [[0, 1, 2, 3], [0, 1, 3, 2], [0, 2, 3, 1], [0, 3, 2, 1]];
    const OTHERS: [[usize; 4]; 3] = [[1, 0, 2, 3], [3, 2, 1, 0], [0, 2, 1, 3]];
    let norm = six(3);
    let (x, dy) = (ramp::<f64>([2, 6, 4, 5], 1), ramp::<f64>([2, 6, 4, 5], 2));
    let y = norm.forward(x.view()).unwrap();
    let dx = norm.backward(x.view(), dy.view(), Wanted::X).unwrap().dx.unwrap();
    let near = |a: &Array4<f64>, b: &Array4<f64>| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
    for order in TAKEN.into_iter().chain(OTHERS) {
        let x = lying(&x, order);
        // What cannot be taken where it lies is contiguous afterwards.
        let given =
            |array: &Array4<f64>| array.strides() == if TAKEN.contains(&order) { x.strides() } else { y.strides() };
        let of = norm.forward(x.view()).unwrap();
        assert!(near(&of, &y) && given(&of), "{order:?}");
        let mut within = x.clone();
        norm.forward_in_place(within.view_mut()).unwrap();
        assert!(near(&within, &y) && within.strides() == x.strides(), "{order:?}");
        for other in TAKEN.into_iter().chain(OTHERS) {
            let mut into = lying(&y, other);
            into.fill(7.0);
            norm.forward_into(x.view(), into.view_mut()).unwrap();
            assert_eq!(bits(&into), bits(&of), "{order:?} into {other:?}");
            let dy = lying(&dy, other);
            let of = norm.backward(x.view(), dy.view(), Wanted::X).unwrap().dx.unwrap();
            let alike = other == order && TAKEN.contains(&order);
            assert!(near(&of, &dx), "{order:?} and {other:?}");
            assert_eq!(of.strides(), if alike { x.strides() } else { y.strides() }, "{order:?} and {other:?}");
        }
    }
}

#[test]
fn an_axis_of_one_element_may_lie_anywhere() {
    let (norm, x) = (six(3), ramp::<f64>([2, 6, 5, 1], 1));
    let [one, other] = [lying(&x, [0, 2, 3, 1]), lying(&x, [0, 3, 2, 1])];
    let gradients = norm.backward(one.view(), other.view(), Wanted::X).unwrap();
    assert_eq!(gradients.dx.unwrap().strides()[1], 1, "both are channels last");
}

#[test]
fn all_axes_of_space_count() {
    let norm = six(3);
    let x = ramp::<f64>([2, 6, 6, 4], 1).into_shape_with_order((2, 6, 2, 3, 4)).unwrap();
    let swapped = x.view().permuted_axes([0, 1, 3, 2, 4]).as_standard_layout().into_owned();
    let other = swapped.permuted_axes([0, 1, 3, 2, 4]);
    let [expected, dx] = [&x, &other].map(|dy| norm.backward(x.view(), dy.view(), Wanted::X).unwrap().dx.unwrap());
    assert_eq!(bits(&dx), bits(&expected), "the same values, lying otherwise");
}

#[test]
fn what_lies_backwards_is_put_in_order_first() {
    let (norm, x) = (six(3), ramp::<f64>([1, 6, 3, 4], 1));
    for x in [&x, &channels_last(&x)] {
        for axis in 1..4 {
            let mut backwards = x.view();
            backwards.invert_axis(Axis(axis));
            let in_order = backwards.as_standard_layout().into_owned();
            let [y, expected] = [backwards, in_order.view()].map(|x| norm.forward(x).unwrap());
            assert_eq!(bits(&y), bits(&expected), "{:?}, axis {axis}", x.strides());
        }
    }
}

#[test]
fn an_output_of_any_stride_is_written() {
    let (norm, x) = (six(2), ramp::<f32>([2, 6, 3, 3], 1));
    let y = norm.forward(x.view()).unwrap();
    let mut large = Array4::from_elem((2, 12, 3, 6), 7.0);
    norm.forward_into(x.view(), large.slice_mut(s![.., ..;2, ..;-1, 1..4])).unwrap();
    assert_eq!(large.slice(s![.., ..;2, ..;-1, 1..4]), y);
    assert_eq!(large.iter().filter(|&&v| v == 7.0).count(), large.len() - y.len());

    let mut contiguous = Array::zeros(x.raw_dim());
    norm.forward_into(channels_last(&x).view(), contiguous.view_mut()).unwrap();
    assert_eq!(contiguous, norm.forward(channels_last(&x).view()).unwrap());
}

#[test]
fn ranks_are_only_shapes() {
    let (norm, x) = (six(3), ramp::<f64>([2, 6, 3, 3], 1));
    let y = norm.forward(x.view()).unwrap();
    let flat = norm.forward(x.to_shape((2, 6, 9)).unwrap().view()).unwrap();
    let deep = norm.forward(x.to_shape(vec![2, 6, 1, 3, 1, 3, 1]).unwrap().view()).unwrap();
    assert_eq!((bits(&flat), bits(&deep)), (bits(&y), bits(&y)));
    let pairs = Array2::from_shape_fn((5, 6), |(n, c)| (n * c) as f64);
    let spatial = pairs.to_shape((5, 6, 1)).unwrap();
    assert_eq!(bits(&norm.forward(pairs.view()).unwrap()), bits(&norm.forward(spatial.view()).unwrap()));
}
