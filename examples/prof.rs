//! scratch
use mapcheck::call::*;
use mapcheck::tensor::*;
use std::time::Instant;
fn main() {
    let vals: Vec<f64> = (0..180).map(|i| ((i * 7919) % 97) as f64 / 31.0).collect();
    let x = Tensor::from_f64(DType::F32, &[2, 6, 5, 3], &vals).unwrap();
    let e =
        Effective { x: x.clone(), num_groups: 3, gamma: vec![1.5; 6], beta: vec![0.5; 6], eps: 1e-3, backward: None };
    let n = 20000;
    let t = Instant::now();
    for _ in 0..n {
        std::hint::black_box(mapcheck::exact::answer(std::hint::black_box(&e)));
    }
    println!("exact {:.2} us", t.elapsed().as_secs_f64() * 1e6 / n as f64);
    let g = mapcheck::group_norm::GroupNorm::builder(3, 6).eps(1e-3).build().unwrap();
    if let Tensor::F32(s) = &x {
        let t = Instant::now();
        for _ in 0..n {
            std::hint::black_box(g.forward(std::hint::black_box(s.view())).unwrap());
        }
        println!("forward {:.2} us", t.elapsed().as_secs_f64() * 1e6 / n as f64);
    }
    let c = Call { arguments: vec![], fill: vec![], input: ("x".into(), x.clone()), backward: None };
    let t = Instant::now();
    for _ in 0..n {
        std::hint::black_box(std::hint::black_box(&c).hash());
    }
    println!("hash {:.2} us", t.elapsed().as_secs_f64() * 1e6 / n as f64);
    let m = mapcheck::mapping::read(std::path::Path::new("specs/group_norm")).unwrap();
    let suite = mapcheck::check::Suite::new(m, Box::new(mapcheck::engine::Rust), vec![]);
    let checks = suite.checks();
    let ch = checks.iter().find(|c| c.name.starts_with("num_groups/two")).unwrap();
    let t = Instant::now();
    for _ in 0..n {
        std::hint::black_box(suite.run_check(ch, |e| e == "rust"));
    }
    println!("{} rust only {:.2} us", ch.name, t.elapsed().as_secs_f64() * 1e6 / n as f64);
    let t = Instant::now();
    for _ in 0..n {
        std::hint::black_box(suite.run_check(ch, |e| e == "sides"));
    }
    println!("sides only {:.2} us", t.elapsed().as_secs_f64() * 1e6 / n as f64);
    let t = Instant::now();
    for _ in 0..n {
        std::hint::black_box(suite.question(ch, mapcheck::mapping::Side::Mindspore));
    }
    println!("target call {:.2} us", t.elapsed().as_secs_f64() * 1e6 / n as f64);
}
