//! The defects: one table, of which each line is a switch of the textbook and what there is to know of it.

use std::fmt;

/// One defect.
#[derive(Debug)]
pub struct Defect {
    /// The switch of the textbook.
    pub flaw: Flaw,
    /// Its name.
    pub name: &'static str,
    /// What it is about.
    pub kind: Kind,
    /// The rows of the mapping that have to catch it, each by itself.
    pub rows: &'static [&'static str],
    /// Public threads that tell of it: `owner/repository#number`.
    pub threads: &'static [&'static str],
    /// What is computed, accepted or refused instead.
    pub what: &'static str,
}

/// What defects are about, by cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Which elements belong together, and which parameter belongs to an element.
    Indexing,
    /// How long groups, channels and batches are.
    Size,
    /// How tensors lie in memory.
    Layout,
    /// The backward pass.
    Gradients,
    /// How closely, and in what range, sums and roots are computed.
    Numerics,
    /// In what dtype something is held or answered.
    DType,
    /// What a parameter means.
    Meaning,
    /// What is handed on from one API to the other: names, defaults, initialisers.
    Mapping,
    /// What is accepted and should not be.
    Acceptance,
    /// What is refused and should not be, or with another class of exception.
    Refusal,
    /// What stays from one call to the next.
    State,
}

impl Kind {
    /// Every kind, in the order of the page.
    pub const ALL: [Kind; 11] = [
        Kind::Indexing,
        Kind::Size,
        Kind::Layout,
        Kind::Gradients,
        Kind::Numerics,
        Kind::DType,
        Kind::Meaning,
        Kind::Mapping,
        Kind::Acceptance,
        Kind::Refusal,
        Kind::State,
    ];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Indexing => "indexing",
            Kind::Size => "size",
            Kind::Layout => "layout",
            Kind::Gradients => "gradients",
            Kind::Numerics => "numerics",
            Kind::DType => "dtype",
            Kind::Meaning => "meaning",
            Kind::Mapping => "mapping",
            Kind::Acceptance => "acceptance",
            Kind::Refusal => "refusal",
            Kind::State => "state",
        })
    }
}

macro_rules! defects {
    ($($kind:ident { $($flaw:ident $name:literal [$($row:ident),+] [$($thread:literal),*] $what:literal;)+ })+) => {
        /// A switch of the textbook: one for each line of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Flaw {
            $($(#[doc = $what] $flaw,)+)+
        }

        /// Every defect, by kind.
        pub const DEFECTS: &[Defect] = &[
            $($(Defect {
                flaw: Flaw::$flaw,
                name: $name,
                kind: Kind::$kind,
                rows: &[$(stringify!($row)),+],
                threads: &[$($thread),*],
                what: $what,
            },)+)+
        ];
    };
}

defects! {
    Indexing {
        GroupSizePow2Pad "group-size-pow2-pad" [num_groups] ["flagos-ai/FlagGems#4984"]
            "The statistics are sums over the next power of two of C/G channels, divided by the size of the group";
        AffinePerGroup "affine-per-group" [gamma_init, beta_init] ["apache/mxnet#17139", "Oneflow-Inc/oneflow#4848", "onnx/onnx#5466"]
            "gamma and beta are indexed by the group";
        AffineWithinGroup "affine-within-group" [gamma_init, beta_init] []
            "gamma and beta are indexed by the channel's place within its group";
        AffineByFlatIndex "affine-by-flat-index" [gamma_init, beta_init] []
            "gamma and beta are indexed by the flat index over the space, so that only the first sample has the right ones";
        AffineOnLastDimension "affine-on-last-dimension" [gamma_init, beta_init, num_channels] []
            "gamma and beta are broadcast over the last dimension where that is as long as they are";
        AffineByLastDimensionOnly "affine-by-last-dimension-only" [num_channels, input] []
            "The channel of an element is its flat index over the length of the last dimension alone";
        AffineInReverse "affine-in-reverse" [gamma_init, beta_init] []
            "gamma and beta are taken from the last channel to the first";
        AffineBySample "affine-by-sample" [num_channels] []
            "gamma and beta are broadcast over the samples where there are as many";
        ReduceOverGroupAxis "reduce-over-group-axis" [num_groups] ["brainpy/BrainPy#765"]
            "The statistics are those of all groups of a sample together";
        InterleavedGroups "interleaved-groups" [num_groups] []
            "Channel c belongs to group c % G";
        GroupsSizeSwap "group-count-group-size-swap" [num_groups] ["tinygrad/tinygrad#415", "chengzeyi/stable-fast#64"]
            "There are C/G groups of G channels";
        OneGroupIsInstanceNorm "one-group-is-instance-norm" [num_groups] ["NVIDIA/TensorRT#4756", "onnx/onnx-tensorrt#1052"]
            "One group is taken for one group a channel";
        OneGroupIsLayerNorm "one-group-is-layer-norm" [num_groups] []
            "One group is taken for a normalisation over channels, of each position by itself";
        InstanceIsOneGroup "one-channel-a-group-is-one-group" [num_groups] []
            "As many groups as channels are taken for one group";
        StatisticsOfEachChannel "statistics-of-each-channel" [num_groups] []
            "Each channel is normalised by itself";
        StatisticsOfEachPosition "statistics-of-each-position" [input] []
            "Each position in space is normalised by itself, over the channels of its group";
        StatisticsOfEachSlice "statistics-of-each-slice" [input] []
            "Of five and more dimensions, each index of the third is normalised by itself";
        StatisticsOfTheBatch "statistics-of-the-batch" [input] []
            "The statistics of a group are those over all samples";
        StatisticsOfTheFirstSample "statistics-of-the-first-sample" [input] []
            "Every sample is normalised with the statistics of the first";
        StatisticsOfTheFirstGroup "statistics-of-the-first-group" [num_groups] []
            "Every group of a sample is normalised with the statistics of the first";
        ShiftedGroups "groups-start-one-late" [num_groups] []
            "The statistics of a group leave its first channel out and take the next group's first in";
        YFlattened "y-flattened" [input] []
            "y has the shape (N, C, -1) where x has more than three dimensions";
        YSqueezed "y-squeezed" [input] []
            "y has no dimension of length 1";
        DgammaBroadcastShape "dgamma-of-shape-1-c-1" [affine] []
            "dgamma and dbeta have the shape (1, C, 1)";
        LastGroupShort "last-channel-left-out" [num_groups] []
            "The last channel of a group does not count in its statistics";
    }
    Size {
        SpacePaddedTo32 "pad-rows-in-stats" [input] ["tenstorrent/tt-metal#50682"]
            "The space is filled up to a multiple of 32 with zeros, which count in mean and variance";
        TailBeyond4Lost "tail-of-4-lost" [input] []
            "What is left of a group beyond a multiple of 4 is not in the sums";
        TailBeyond8Lost "tail-of-8-lost" [input] []
            "What is left of a group beyond a multiple of 8 is not in the sums";
        TailBeyond16Lost "tail-of-16-lost" [input] []
            "What is left of a group beyond a multiple of 16 is not in the sums";
        TailBeyond32Lost "partial-warp-dropped" [input] ["ggml-org/llama.cpp#26708"]
            "What is left of a group beyond a multiple of 32 is not in the sums";
        TailBeyond64Lost "tail-of-64-lost" [input] []
            "What is left of a group beyond a multiple of 64 is not in the sums";
        TailBeyond512Lost "tail-of-512-lost" [input] []
            "What is left of a group beyond a multiple of 512 is not in the sums";
        TailBeyond1024Lost "tail-of-1024-lost" [input] []
            "What is left of a group beyond a multiple of 1024 is not in the sums";
        GroupBeyond65536Lost "group-of-65536-at-most" [input] []
            "Of a group, the first 65,536 elements are in the sums";
        OutputTailUnwritten "output-tail-unwritten" [input] []
            "What is left of a group beyond a multiple of 8 is not written, where there is more than that";
        GroupsBeyond65535Unwritten "groups-of-16-bits" [num_groups] []
            "Groups of all samples are counted in 16 bits: the 65,536th is written over the first";
        GroupsBeyond64Unnormalised "groups-beyond-64" [num_groups] []
            "Groups of a sample beyond the 64th are left as they are";
        DgammaSpaceTailLost "dgamma-tail-of-8-lost" [input] []
            "What is left of the space beyond a multiple of 8 is not in dgamma and dbeta";
        DgammaFirst128Samples "dgamma-of-128-samples" [input] []
            "dgamma and dbeta are those of the first 128 samples";
        DgammaFirst256Samples "dgamma-of-256-samples" [input] []
            "dgamma and dbeta are those of the first 256 samples";
        DgammaFirst1024Samples "dgamma-of-1024-samples" [input] []
            "dgamma and dbeta are those of the first 1,024 samples";
        DgammaSpaceBeyond512Lost "dgamma-of-512-positions" [input] []
            "dgamma and dbeta are those of the first 512 positions of a channel";
        DgammaSpaceBeyond16384Lost "dgamma-of-16384-positions" [input] []
            "dgamma and dbeta are those of the first 16,384 positions of a channel";
        DgammaFirst32Channels "dgamma-of-32-channels" [num_channels] []
            "dgamma and dbeta of channels beyond the 32nd are 0";
        DgammaFirst1024Channels "dgamma-of-1024-channels" [num_channels] []
            "dgamma and dbeta of channels beyond the 1024th are 0";
        ChannelsBeyond1024Plain "affine-of-1024-channels" [num_channels] []
            "Channels beyond the 1024th have neither gamma nor beta";
        NoSampleGivesNan "n-0-gives-nan-dgamma" [input] ["PaddlePaddle/Paddle#73152", "pytorch/pytorch#186414"]
            "dgamma and dbeta of no sample are NaN";
        ChannelsOf16Bits "channels-of-16-bits" [num_channels] []
            "Channels are counted in 16 bits: the 65,537th has gamma and beta of the first";
        SpaceOf16Bits "space-of-16-bits" [input] []
            "Of a channel, the first 65,536 positions are written";
        OneElementIsItsOwnMean "one-element-a-channel-is-its-own-mean" [input] []
            "Where there is one element a channel, each is its own mean";
    }
    Layout {
        NhwcReshape "nhwc-reshape-no-transpose" [input] ["tensorflow/addons#751"]
            "The buffer of a channels-last x is read as if its channels came first";
        XStridesIgnored "x-strides-ignored" [input] ["pytorch/pytorch#186414"]
            "The buffer of x is read from its start, whatever its strides";
        HalfStridesIgnored "x-strides-ignored-in-half" [input] []
            "The buffer of an f16 or bf16 x is read from its start, whatever its strides";
        XOffsetIgnored "x-offset-ignored" [input] []
            "x is read by its strides from the start of its buffer";
        XTransposedAsContiguous "x-transposed-ignored" [input] []
            "The buffer of a transposed x is read as it lies";
        ExpandedReadsOn "x-expanded-reads-on" [input] []
            "Of an expanded x, all samples but the first are taken for zeros";
        GammaStridesIgnored "gamma-strides-ignored" [gamma_init] []
            "The buffer of gamma is read from its start, whatever its strides";
        BetaStridesIgnored "beta-strides-ignored" [beta_init] []
            "The buffer of beta is read from its start, whatever its strides";
        GammaExpandedIsOne "gamma-expanded-not-repeated" [gamma_init] []
            "Of an expanded gamma, all channels but the first are 1";
        BetaExpandedIsZero "beta-expanded-not-repeated" [beta_init] []
            "Of an expanded beta, all channels but the first are 0";
        DyStridesIgnored "dy-strides-ignored" [input] []
            "The buffer of dy is read from its start, whatever its strides";
        DyInTheOrderOfX "dy-layout-taken-for-that-of-x" [input] ["pytorch/pytorch#92668", "pytorch/pytorch#92671", "pytorch/pytorch#115940"]
            "The buffer of dy is read by the strides of x";
        YInTheOrderOfX "y-in-the-order-of-x" [input] []
            "y is written in the memory order of x, and handed out as contiguous";
        DxInTheOrderOfX "dx-in-the-order-of-x" [input] []
            "dx is written in the memory order of x, and handed out as contiguous";
    }
    Gradients {
        GroupSizePow2PadDx "group-size-pow2-pad-dx" [num_groups] ["flagos-ai/FlagGems#4984"]
            "Both sums of dx run over the next power of two of C/G channels";
        DxWithoutStatistics "dx-without-statistics-terms" [input, num_groups] ["uxlfoundation/oneDNN#3543"]
            "dx is dy times gamma and the reciprocal deviation";
        DxWithoutMeanTerm "dx-without-mean-term" [input] []
            "The mean of dy times gamma is not taken out of dx";
        DxWithoutVarianceTerm "dx-without-variance-term" [input] []
            "The mean of dy times gamma and the normalised x is not taken out of dx";
        GammaAfterProjection "gamma-applied-after-projection" [gamma_init] []
            "gamma multiplies dx after the means were taken out";
        DxWithoutGamma "dx-without-gamma" [gamma_init, affine] []
            "dx is computed as if gamma were 1";
        DxWithoutRstd "dx-without-reciprocal-deviation" [input, eps] []
            "dx is not divided by the deviation";
        DxUnbiased "dx-unbiased" [input] []
            "The means of the backward pass are divided by one less than the group's size";
        DxOfOtherEps "dx-without-eps" [eps] []
            "The deviation of the backward pass has no eps";
        DxOfDefaultEps "dx-with-default-eps" [eps] []
            "The deviation of the backward pass has an eps of 1e-5";
        DyTakenForOnes "dy-taken-for-ones" [input] []
            "The gradients are those of the sum of y";
        DxOfTheFirstGroup "dx-of-the-first-group" [num_groups] []
            "dx is 0 in all groups of a sample but the first";
        DxOfFirstStatistics "dx-with-the-statistics-of-the-first-sample" [input] []
            "dx of every sample is computed with the statistics of the first";
        DxFromOverwrittenX "dx-from-overwritten-x" [input] []
            "y is written over x before the backward pass reads it";
        DgammaUnnormalised "dgamma-of-raw-x" [input] []
            "dgamma is the sum of dy times x";
        DgammaWithoutRstd "dgamma-of-deviations" [input, eps] []
            "dgamma is the sum of dy times the deviation of x from its mean, not divided";
        DgammaFromY "dgamma-from-y" [gamma_init, beta_init] []
            "dgamma is the sum of dy times y";
        DgammaLastSampleOnly "dgamma-last-sample-only" [input] []
            "dgamma and dbeta are those of the last sample";
        DgammaMeanOfSamples "dgamma-mean-of-samples" [input] []
            "dgamma and dbeta are divided by the number of samples";
        DgammaMeanOfAll "dgamma-mean-of-all" [input] []
            "dgamma and dbeta are divided by the number of their terms";
        DgammaByWayOfHalf "dgamma-by-way-of-dtype-of-x" [input] []
            "dgamma and dbeta are rounded to the dtype of x, and have its range";
        ProductsInHalf "products-with-dy-in-dtype-of-x" [input] []
            "The products of dy and gamma are rounded to the dtype of x, and have its range";
        DgammaPerGroup "dgamma-per-group" [num_groups, gamma_init] []
            "All channels of a group have the dgamma of its first";
        AffineGradsSevered "affine-grads-severed" [affine, gamma_init, beta_init] ["paiml/aprender#2200"]
            "dgamma and dbeta are 0";
        AffineGradsMissing "affine-grads-missing" [affine] []
            "dgamma and dbeta are not in the answer";
        GradientsSwapped "dgamma-dbeta-swapped" [affine] []
            "dgamma and dbeta are exchanged";
        DbetaOfGammaTimesDy "dbeta-times-gamma" [gamma_init, affine] []
            "dbeta is the sum of dy times gamma";
        DxOnlyBesideDgamma "dx-only-beside-dgamma" [affine] []
            "dx is 0 where dgamma is not asked for";
        DgammaOnlyBesideDx "dgamma-only-beside-dx" [affine] []
            "dgamma is 0 where dx is not asked for";
        DbetaOnlyBesideDgamma "dbeta-only-beside-dgamma" [affine] []
            "dbeta is 0 where dgamma is not asked for";
        DxPlainWhenFrozen "dx-without-gamma-when-frozen" [affine] []
            "dx is computed as if gamma were 1 where affine is False";
        DxZeroWhenFrozen "dx-severed-when-frozen" [affine] []
            "dx is 0 where affine is False";
        DbetaOfDx "dbeta-of-dx" [beta_init] []
            "dbeta is the sum of dx";
    }
    Numerics {
        OnePassF32 "one-pass-variance-fp32" [input] ["pytorch/pytorch#54293"]
            "The variance is the mean of squares less the square of the mean, in f32";
        OnePassF32NoClamp "one-pass-no-clamp-nan" [input] ["PaddlePaddle/Paddle#16654", "keras-team/keras#18795", "patrick-kidger/equinox#314"]
            "The same, below 0 by rounding: wrong only where that gives NaN";
        OnePassF64 "one-pass-variance-f64" [input] []
            "The variance is the mean of squares less the square of the mean, in f64";
        SequentialF32 "sequential-fp32-accumulation" [input] ["pytorch/pytorch#54293", "PaddlePaddle/Paddle#33176"]
            "Mean and variance are one running sum each, in f32";
        F16Squares "fp16-square-overflow" [input] ["neuroneural/brainchop-cli#56", "pytorch/executorch#16727"]
            "Of an f16 x, deviations and their squares are rounded to f16";
        F16Sums "fp16-sum-overflow" [input] []
            "Of an f16 x, running sums are rounded to f16";
        Bf16Moments "bf16-moments" [input] ["pytorch/pytorch#77507"]
            "Of a bf16 x, running sums are rounded to bf16";
        MeanInDTypeOfX "mean-in-dtype-of-x" [input] []
            "The mean is rounded to the dtype of x";
        RstdInHalf "reciprocal-deviation-in-bf16" [input] []
            "The reciprocal of the deviation is rounded to bf16";
        FastReciprocalRoot "fast-reciprocal-root" [input] []
            "The reciprocal root is approximated, to a part in a thousand";
        CastInputToF16 "cast-input-to-fp16-first" [input] ["keras-team/keras#22586"]
            "x is rounded to f16 before anything is computed";
        CastInputToF32 "cast-input-to-f32-first" [input] []
            "x is rounded to f32 before anything is computed";
        VarianceInF32 "fp32-overflow-1e30" [input] ["pytorch/pytorch#162489"]
            "The variance is rounded to f32, and has its range";
        ScaleAndShift "a-x-plus-b-singleton-group" [input] ["pytorch/pytorch#94288", "google-ai-edge/litert-torch#100"]
            "y is x times one scale plus one shift, both in f32";
        UnbiasedVariance "unbiased-variance" [input] ["pytorch/pytorch#22617"]
            "The variance is divided by one less than the group's size";
        VarianceFloor "variance-floor" [eps] []
            "The variance is at least 1e-10";
        RootNotTaken "deviation-instead-of-variance" [input] []
            "The root is not taken";
        MeanAbsoluteDeviation "mean-absolute-deviation" [input] []
            "The deviation is the mean of absolute deviations";
        NoCentring "no-centring" [input] []
            "x is divided by its root mean square, and not centred";
        NanIsZero "nan-is-zero" [input] []
            "NaN in y is turned into 0";
        NanSkipped "nan-skipped" [input] []
            "NaN in x is taken for 0";
        NanSpreadsInDgamma "nan-spreads-over-dgamma" [input] []
            "A NaN in the dgamma of one channel makes that of all NaN";
        NanSpreadsOverBatch "nan-spreads-over-the-batch" [input] []
            "A NaN in one sample makes y NaN in all";
        NanSpreads "nan-spreads-over-groups" [input] []
            "A NaN in one group makes all of its sample NaN";
        InfinityClipped "infinity-clipped" [input] []
            "An infinity in x is taken for the largest number of its dtype";
        Saturated "overflow-saturates" [gamma_init] []
            "An output beyond the range of its dtype is the largest number of it";
        SubnormalsFlushed "subnormals-flushed" [gamma_init] []
            "An output below the normal numbers of its dtype is 0";
        SubnormalInputFlushed "subnormal-input-flushed" [eps] []
            "An x below the normal numbers of its dtype is 0";
        ZeroOverZeroIsZero "zero-over-zero-is-beta" [eps] []
            "A group without variance gives beta where eps is 0 too";
        OutputOfBf16 "output-by-way-of-bf16" [input] []
            "y is rounded to bf16 and then to its dtype";
        OutputOfF16 "output-by-way-of-f16" [input] []
            "y is rounded to f16 and then to its dtype";
        DgammaSumsInHalf "dgamma-sums-in-half" [input] []
            "Of an f16 or bf16 x, the running sums of dgamma and dbeta are rounded to its dtype";
        DgammaCancels "dgamma-of-two-sums-f32" [input] []
            "dgamma is a sum of dy times x less the mean times a sum of dy, in f32";
        DxCancels "dx-of-three-terms-f32" [input] []
            "dx is one scale of dy, one of x and a shift, in f32";
    }
    DType {
        YInF32 "y-in-f32" [input] []
            "y is f32, whatever x is";
        DxInF32 "dx-in-f32" [input] []
            "dx is f32, whatever x is";
        YInDTypeOfGamma "y-in-dtype-of-gamma" [gamma_init] []
            "y is of the dtype of gamma";
        DgammaInDTypeOfX "dgamma-in-dtype-of-x" [gamma_init] []
            "dgamma is of the dtype of x, not that of gamma";
        DbetaInDTypeOfX "dbeta-in-dtype-of-x" [beta_init] []
            "dbeta is of the dtype of x, not that of beta";
        GammaHeldInF16 "gamma-held-in-f16" [gamma_init] []
            "gamma is rounded to f16";
        BetaHeldInF16 "beta-held-in-f16" [beta_init] []
            "beta is rounded to f16";
        GammaHeldInF32 "gamma-held-in-f32" [gamma_init] []
            "gamma of f64 is rounded to f32";
        BetaHeldInF32 "beta-held-in-f32" [beta_init] []
            "beta of f64 is rounded to f32";
        DTypeIgnored "dtype-ignored" [dtype] []
            "dtype is taken and not used";
        DTypeOfInput "dtype-that-of-x" [dtype, gamma_init, beta_init] []
            "gamma and beta are of the dtype of x, unless stated";
        DTypeOverTensor "dtype-over-tensor" [dtype] []
            "A tensor is converted to the stated dtype";
        TensorInF32 "tensor-converted-to-f32" [gamma_init, beta_init] []
            "A tensor is converted to f32";
        EpsInF32 "eps-float32-in-float64" [eps] ["PaddlePaddle/Paddle#78201"]
            "eps is rounded to f32";
        EpsInDTypeOfX "eps-in-dtype-of-x" [eps] []
            "eps is rounded to the dtype of x";
        DefaultParametersInF16 "parameters-in-f16" [dtype] []
            "gamma and beta are of f16, unless stated";
    }
    Meaning {
        EpsOutsideTheRoot "eps-outside-sqrt" [eps] ["tracel-ai/burn#2945"]
            "The deviation is the root of the variance, plus eps";
        EpsDropped "eps-dropped" [eps] []
            "There is no eps";
        EpsTwice "eps-added-twice" [eps] []
            "eps is added twice";
        EpsIsFloor "eps-is-a-floor" [eps] []
            "The variance is at least eps, instead of more by eps";
        EpsOverCount "eps-before-division" [eps] []
            "eps is added to the sum of squares, before that is divided";
        EpsSquared "eps-squared" [eps] []
            "The square of eps is added";
        EpsOfDeviation "eps-on-deviation-floor" [eps] []
            "The deviation is at least eps";
        EpsHardcoded "eps-hardcoded-1e-6" [eps] ["ggml-org/llama.cpp#8818", "microsoft/onnxruntime#18091"]
            "eps is 1e-6, whatever is stated";
        EpsIgnored "eps-ignored" [eps] []
            "eps is 1e-5, whatever is stated";
        EpsAtLeast "eps-at-least-1e-7" [eps] []
            "eps is at least 1e-7";
        EpsZeroIsDefault "eps-zero-is-default" [eps] []
            "eps of 0 is taken as left out";
        EpsAbsolute "eps-absolute" [eps] []
            "eps is taken without its sign";
        AffineIgnored "affine-ignored" [affine, gamma_init, beta_init] ["NVIDIA/TensorRT#1277"]
            "gamma and beta are not applied";
        AffineFalseDropsBoth "affine-false-drops-both" [affine] []
            "gamma and beta are not applied where affine is False, as in PyTorch";
        AffineFalseDropsGamma "affine-false-drops-gamma" [affine] []
            "gamma is not applied where affine is False";
        AffineFalseDropsBeta "affine-false-drops-beta" [affine] []
            "beta is not applied where affine is False";
        GammaIsOffsetFromOne "gamma-plus-one" [gamma_init] []
            "The scale is 1 + gamma";
        GammaAbsolute "gamma-absolute" [gamma_init] []
            "The scale is gamma without its sign";
        GammaZeroIsOne "gamma-zero-is-one" [gamma_init] []
            "Where gamma is 0, the scale is 1";
        GammaIgnored "gamma-ignored" [gamma_init, affine] []
            "gamma is not applied";
        BetaIgnored "beta-ignored" [beta_init] []
            "beta is not applied";
        BetaSubtracted "beta-subtracted" [beta_init] []
            "beta is subtracted";
        BetaScaled "beta-scaled-by-gamma" [beta_init] []
            "y is gamma times the sum of the normalised x and beta";
        BetaBeforeNormalising "beta-added-to-x" [beta_init] []
            "beta is added to x before it is normalised";
        GammaBetaSwapped "gamma-beta-swapped" [gamma_init, beta_init] []
            "gamma and beta are exchanged";
    }
    Mapping {
        EpsDefault1e3 "eps-default-1e-3" [eps] []
            "eps is 1e-3 unless stated";
        EpsDefault1e6 "eps-default-1e-6" [eps] ["ml-explore/mlx-examples#1434"]
            "eps is 1e-6 unless stated";
        AffineDefaultFalse "affine-default-false" [affine] []
            "gamma and beta are not applied unless affine is stated as True";
        InitSwapped "initialisers-swapped" [gamma_init, beta_init] []
            "gamma_init initialises beta, and beta_init gamma";
        GammaInitIgnored "gamma-init-ignored" [gamma_init] []
            "gamma_init is taken and not used";
        BetaInitIgnored "beta-init-ignored" [beta_init] []
            "beta_init is taken and not used";
        GammaDefaultZero "gamma-default-zero" [gamma_init] []
            "gamma starts from 0 unless stated";
        BetaDefaultOne "beta-default-one" [beta_init] []
            "beta starts from 1 unless stated";
        ZeroInitIsDefault "zero-is-left-out" [gamma_init] []
            "A false or zero initialiser is taken as left out";
        OnesAndZerosSwapped "ones-zeros-swapped" [gamma_init, beta_init] []
            "The initialisers of the names ones and zeros are exchanged";
        NumberTruncated "initialiser-truncated" [gamma_init, beta_init] []
            "A number is truncated to an int";
        NormalOfDeviationOne "normal-of-deviation-1" [gamma_init, beta_init] []
            "normal has a deviation of 1";
        UniformFromZero "uniform-from-0" [gamma_init, beta_init] []
            "uniform starts at 0";
        UniformToOne "uniform-to-1" [gamma_init, beta_init] []
            "uniform lies between -1 and 1";
        RandomIsConstant "normal-drawn-once" [gamma_init, beta_init] []
            "One random number is drawn for all channels";
        RandomIsDefault "random-means-default" [gamma_init, beta_init] []
            "A random initialiser is taken as left out";
        UnknownNameIsDefault "unknown-name-is-default" [gamma_init, beta_init] []
            "An unknown initialiser is taken as left out";
        FanNameIsDefault "xavier-accepted" [gamma_init, beta_init] []
            "Initialisers that need two dimensions are taken as left out";
    }
    Acceptance {
        MinOfGroupsAndChannels "g-min-g-c-silently" [num_groups] ["apple/coremltools#1020", "apple/coremltools#2047"]
            "More groups than channels are cut down to as many";
        RaggedLastGroup "ragged-last-group" [num_groups] ["PaddlePaddle/Paddle#35644"]
            "A group's size is rounded up, and the last one is smaller";
        FlooredGroupSize "floored-group-size" [num_groups] []
            "A group's size is rounded down, and the channels that are left are a group too";
        NegativeGroups "negative-num-groups-accepted" [num_groups] ["pytorch/pytorch#184280"]
            "num_groups is taken without its sign";
        ZeroGroups "zero-groups-accepted" [num_groups] []
            "No group is taken for one";
        NegativeChannels "negative-num-channels-accepted" [num_channels] []
            "num_channels is taken without its sign";
        ZeroChannels "zero-channels-accepted" [num_channels] []
            "No channel is taken for as many as x has";
        GroupsConverted "num-groups-converted" [num_groups] []
            "A float or a text of num_groups is converted";
        ChannelsConverted "num-channels-converted" [num_channels] []
            "A float or a text of num_channels is converted";
        BoolIsInt "bool-is-an-int" [num_groups, num_channels] []
            "True is taken for one group, or one channel";
        GroupsFromTensor "num-groups-from-tensor" [num_groups] []
            "A tensor of num_groups is taken for its number";
        GroupsNone "num-groups-none" [num_groups] []
            "num_groups of None, or left out, is one group";
        ChannelsNone "num-channels-none" [num_channels] []
            "num_channels of None, or left out, is that of x";
        ChannelsOfInput "channels-taken-from-x" [num_channels] []
            "num_channels is not held to the number of channels of x";
        ChannelsLastShape "channels-last-shape-accepted" [num_channels] []
            "An x of the shape (N, *, C) is taken for one of (N, C, *)";
        EpsIntAccepted "eps-int-accepted" [eps] []
            "eps takes an int";
        EpsBoolAccepted "eps-bool-accepted" [eps] []
            "eps takes a bool";
        EpsConverted "eps-text-accepted" [eps] []
            "eps takes a text";
        EpsFromTensor "eps-tensor-accepted" [eps] []
            "eps takes a tensor";
        EpsNone "eps-none-is-default" [eps] []
            "eps of None is taken as left out";
        AffineTruthy "affine-truthy" [affine] []
            "affine takes whatever is true or false in Python";
        Rank1Accepted "rank-1-accepted" [input] []
            "A vector is taken for one sample";
        Rank0Accepted "rank-0-accepted" [input] []
            "A number is taken for every channel of one sample";
        Rank9Accepted "rank-9-accepted" [input] []
            "More than eight dimensions are taken";
        NoSpaceAccepted "no-space-accepted" [input] []
            "An x without space is given back";
        NoChannelsAccepted "no-channels-accepted" [num_channels] []
            "An x without channels is given back";
        TensorFlattened "initialiser-flattened" [gamma_init, beta_init] []
            "A tensor of as many elements as channels is taken, whatever its shape";
        OneElementBroadcast "initialiser-broadcast" [gamma_init, beta_init] []
            "A tensor of one element is taken for all channels";
        PerGroupAccepted "one-gamma-a-group-accepted" [gamma_init, beta_init] []
            "A tensor of one element a group is taken";
        ShortTensorPadded "short-tensor-padded" [gamma_init, beta_init] []
            "A tensor that is too short is filled up with ones";
        LongTensorCut "long-tensor-cut" [gamma_init, beta_init] []
            "A tensor that is too long is cut";
        FrozenShapeUnchecked "shape-unchecked-when-frozen" [affine] []
            "Where affine is False, an initialiser of a wrong shape is not looked at";
        ListAccepted "list-accepted" [gamma_init, beta_init] []
            "A list is taken for a tensor";
        InitNoneIsDefault "initialiser-none-is-default" [gamma_init, beta_init] []
            "An initialiser of None is taken as left out";
        DTypeNoneAccepted "dtype-none-accepted" [dtype] []
            "dtype of None is taken as left out";
        DTypeTextAccepted "dtype-text-accepted" [dtype] []
            "dtype takes a text";
    }
    Refusal {
        Rank2Rejected "rank2-rejected" [input, gamma_init] ["pytorch/pytorch#121612", "pytorch/pytorch#131279", "pytorch/pytorch#130108"]
            "Two dimensions are refused";
        Rank4Only "affine-shape-rank4-only" [input, gamma_init, beta_init] ["apple/coremltools#1607", "Jittor/jittor#165", "Tencent/ncnn#4310", "onnx/onnx-mlir#3030"]
            "gamma and beta are shaped (1, C, 1, 1), and other ranks are refused";
        RankBeyond5Rejected "rank-beyond-5-rejected" [input] []
            "More than five dimensions are refused";
        RankBeyond7Rejected "rank-beyond-7-rejected" [input] []
            "Eight dimensions are refused";
        NoSampleRejected "no-sample-rejected" [input] []
            "An x without a sample is refused";
        SingleElementRejected "one-element-a-group-rejected" [input] []
            "A group of one element is refused";
        StridedRejected "strided-x-rejected" [input] []
            "An x that is not contiguous is refused";
        StridedGammaRejected "strided-gamma-rejected" [gamma_init] []
            "A gamma that is not contiguous is refused";
        MixedRejected "mixed-dtypes-rejected" [dtype, gamma_init] []
            "gamma and beta of another dtype than x are refused";
        F64Rejected "f64-rejected" [input] []
            "f64 is refused";
        Bf16Rejected "bf16-rejected" [input] []
            "bf16 is refused";
        HalfGradientRejected "half-backward-rejected" [input] []
            "There are no gradients of f16 and bf16";
        EpsZeroRejected "eps-zero-rejected" [eps] []
            "eps of 0 is refused";
        EpsNegativeRejected "eps-negative-rejected" [eps] []
            "eps below 0 is refused";
        EpsInfiniteRejected "eps-not-finite-rejected" [eps] []
            "eps that is no finite number is refused";
        OddGroupSizeRejected "odd-group-size-rejected" [num_groups] []
            "Groups of an odd number of channels are refused";
        OneGroupRejected "one-group-rejected" [num_groups] []
            "One group is refused";
        ManyGroupsRejected "many-groups-rejected" [num_groups] []
            "More than 64 groups are refused";
        AffineFalseRejected "affine-false-rejected" [affine] []
            "affine of False is refused";
        CaseSensitiveNames "initialiser-case-sensitive" [gamma_init, beta_init] []
            "The name of an initialiser is known in lower case only";
        SingularNames "initialiser-one-unknown" [gamma_init, beta_init] []
            "The names one and zero are not known";
        BoolInitRejected "bool-initialiser-rejected" [gamma_init, beta_init] []
            "A bool is no initialiser";
        IntInitRejected "int-initialiser-rejected" [gamma_init, beta_init] []
            "An int is no initialiser";
        NanRejected "nan-rejected" [input] []
            "An x with a NaN is refused";
        ValueErrorIsRuntimeError "value-error-is-runtime-error" [num_groups, num_channels, gamma_init, beta_init, affine, dtype] []
            "Values that are not allowed raise RuntimeError";
        TypeErrorIsValueError "type-error-is-value-error" [num_groups, num_channels, eps, affine, gamma_init, beta_init, dtype] []
            "Wrong types raise ValueError";
        RuntimeErrorIsValueError "runtime-error-is-value-error" [input] []
            "What a kernel refuses raises ValueError";
        RefusalCrashes "refusal-crashes" [num_groups, num_channels, eps, affine, gamma_init, beta_init, dtype, input] []
            "What is refused ends the engine instead";
    }
    State {
        OrderAlternates "bits-change-from-run-to-run" [input] []
            "Every second run is off by a unit in the last place";
        StatisticsKept "statistics-kept" [input] []
            "The statistics of the first call are used for every later one of its shape";
        GradientsAccumulate "gradients-accumulate" [affine] []
            "dgamma and dbeta are added to those of the call before";
        GammaKept "parameters-kept" [gamma_init] []
            "gamma is that of the first call with as many channels";
        BatchChangesBits "batch-changes-bits" [input] []
            "A sample is off by a unit in the last place where another one comes before it";
        RefusesTheSecondCall "second-call-refused" [input] []
            "The module can be called once";
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_defect_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = DEFECTS.iter().map(|defect| defect.name).collect();
        assert_eq!(names.len(), DEFECTS.len());
        assert!(
            names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'))
        );
    }

    #[test]
    fn threads_are_written_as_owner_repository_and_number() {
        for thread in DEFECTS.iter().flat_map(|defect| defect.threads) {
            let (repository, number) = thread.split_once('#').expect("a number");
            assert!(repository.split('/').count() == 2 && number.parse::<u32>().is_ok(), "{thread}");
        }
    }
}
