//! What is measured: a dtype, a layout and a shape, in a direction.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;
use mapcheck::tensor::DType;

/// An input's shape, and into how many groups its channels are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Samples, channels, height, width.
    pub sizes: [usize; 4],
    /// Number of groups.
    pub groups: usize,
}

/// From a handful of elements to more than any cache holds.
pub const SHAPES: [Shape; 12] = [
    Shape::new([1, 2, 4, 4], 2),
    Shape::new([2, 6, 7, 5], 3),
    Shape::new([64, 64, 1, 1], 1),
    Shape::new([2, 32, 8, 8], 8),
    Shape::new([2, 64, 16, 16], 32),
    Shape::new([32, 30, 9, 9], 10),
    Shape::new([4, 64, 32, 32], 32),
    Shape::new([8, 128, 28, 28], 32),
    Shape::new([8, 256, 56, 56], 32),
    Shape::new([16, 320, 64, 64], 32),
    Shape::new([1, 512, 128, 128], 32),
    Shape::new([1, 128, 512, 512], 32),
];

impl Shape {
    /// So many samples, channels, rows and columns, and groups.
    pub const fn new(sizes: [usize; 4], groups: usize) -> Self {
        Self { sizes, groups }
    }

    /// Length of dimension 1.
    pub fn channels(&self) -> usize {
        self.sizes[1]
    }

    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.sizes.iter().product()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [samples, channels, height, width] = self.sizes;
        write!(f, "{samples}x{channels}x{height}x{width}/{}", self.groups)
    }
}

/// The shapes that a filter leaves.
#[derive(Clone, Debug)]
pub struct Shapes(pub Vec<Shape>);

impl FromStr for Shapes {
    type Err = String;

    fn from_str(filter: &str) -> Result<Self, String> {
        let named = |test: &dyn Fn(&str) -> bool| SHAPES.into_iter().filter(|shape| test(&shape.to_string())).collect();
        let exact: Vec<Shape> = named(&|name| name == filter);
        let shapes = if exact.is_empty() { named(&|name| name.contains(filter)) } else { exact };
        if shapes.is_empty() {
            return Err(format!(
                "no shape contains it; there are {}",
                SHAPES.map(|shape| shape.to_string()).join(", ")
            ));
        }
        Ok(Self(shapes))
    }
}

/// How the elements lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Layout {
    /// Samples, channels, height, width; the last fastest.
    Contiguous,
    /// Samples, height, width, channels; the last fastest.
    ChannelsLast,
}

impl Layout {
    /// Both.
    pub const ALL: [Layout; 2] = [Layout::Contiguous, Layout::ChannelsLast];
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layout::Contiguous => "contiguous",
            Layout::ChannelsLast => "channels_last",
        })
    }
}

/// One input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// Of the input, the output and the parameters.
    pub dtype: DType,
    /// Of the input and the output.
    pub layout: Layout,
    /// Of the input.
    pub shape: Shape,
}

impl Case {
    /// The size of the input.
    pub fn bytes(&self) -> usize {
        let size = match self.dtype {
            DType::F16 | DType::BF16 => 2,
            DType::F32 => 4,
            DType::F64 => 8,
        };
        size * self.shape.elements()
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.dtype, self.layout, self.shape)
    }
}

/// Which pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// The output.
    Forward,
    /// The three gradients.
    Backward,
}

impl Direction {
    /// Both.
    pub const ALL: [Direction; 2] = [Direction::Forward, Direction::Backward];
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::Forward => "forward",
            Direction::Backward => "backward",
        })
    }
}

/// The dtypes, the most used first.
pub const DTYPES: [DType; 4] = [DType::F32, DType::F16, DType::BF16, DType::F64];

/// A dtype by its name.
pub fn dtype(name: &str) -> Result<DType, String> {
    let names = DTYPES.map(DType::name).join(", ");
    DTYPES.into_iter().find(|dtype| dtype.name() == name).ok_or(format!("there are {names}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_name_selects_one_shape_and_a_part_all_that_contain_it() {
        let names = |filter: &str| -> Vec<String> {
            Shapes::from_str(filter).unwrap().0.iter().map(ToString::to_string).collect()
        };
        assert_eq!(names("8x256x56x56/32"), ["8x256x56x56/32"]);
        assert_eq!(names("x16/"), ["2x64x16x16/32"]);
        assert_eq!(names("").len(), SHAPES.len());
        assert!(Shapes::from_str("7x7").unwrap_err().contains("1x2x4x4/2, 2x6x7x5/3"));
    }

    #[test]
    fn channels_can_be_divided_into_the_groups() {
        assert!(SHAPES.iter().all(|shape| shape.channels().is_multiple_of(shape.groups)));
    }
}
