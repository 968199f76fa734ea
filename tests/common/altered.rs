//! The operator of this crate, whose answers are altered.

use mapcheck::binding::Binding;
use mapcheck::call::{Answer, Outcome, Output};
use mapcheck::engine::{Engine, Question, Rust};
use mapcheck::tensor::Tensor;

/// What becomes of each of its answers; what it refuses, it refuses.
pub struct Altered<F>(pub F);

impl<F: Fn(Question<'_>, Answer) -> Outcome + Send + Sync> Engine for Altered<F> {
    fn name(&self) -> &str {
        "altered"
    }

    fn binding(&self) -> &dyn Binding {
        Rust.binding()
    }

    fn answer(&self, question: Question<'_>) -> Outcome {
        match Rust.answer(question) {
            Outcome::Answered(answer) => (self.0)(question, answer),
            outcome => outcome,
        }
    }
}

/// The answer with other values of y.
pub fn with_y(mut answer: Answer, change: impl FnOnce(&mut [f64])) -> Outcome {
    let y = answer.arrays.get_mut(&Output::Y).expect("there is a y");
    let mut values = y.values.to_f64();
    change(&mut values);
    y.values = Tensor::from_f64(y.values.dtype(), &y.shape, &values).expect("as many values as before");
    Outcome::Answered(answer)
}
