//! A fixed generator of random numbers: the same bits from the same seed, on every platform.
//!
//! SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
//! Golden answers are stored by the bits of their inputs, so neither the algorithm nor its use of
//! the platform's mathematics may ever change.

/// The state of a generator.
#[derive(Clone, Debug)]
pub struct Generator(u64);

impl Generator {
    /// A generator that starts from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1), a multiple of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Mean 0 and deviation 1: twelve uniforms, less six (Irwin and Hall). Only sums, so the bits
    /// are the same everywhere; no value is beyond 6.
    pub fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    /// The normal distribution, by the polar method (Marsaglia and Bray, 1964).
    pub fn normal(&mut self) -> f64 {
        loop {
            let (u, v) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                return u * libm::sqrt(-2.0 * libm::log(s) / s);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_those_of_the_paper() {
        // First outputs of SplitMix64 for seed 1234567, from the reference implementation's test vectors.
        let mut generator = Generator::new(1234567);
        assert_eq!(generator.bits(), 6457827717110365317);
        assert_eq!(generator.bits(), 3203168211198807973);
    }

    #[test]
    fn moments() {
        let mut generator = Generator::new(1);
        for draw in [Generator::bell, Generator::normal] {
            let values: Vec<f64> = (0..100_000).map(|_| draw(&mut generator)).collect();
            let mean = values.iter().sum::<f64>() / 1e5;
            let variance = values.iter().map(|v| v * v).sum::<f64>() / 1e5;
            assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "mean {mean}, variance {variance}");
        }
    }
}
