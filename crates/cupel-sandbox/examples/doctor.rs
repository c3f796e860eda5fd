//! The doctor, with walls left out by name.
use cupel_sandbox::*;
fn main(){
    launcher::enter_if_asked();
    let t=std::time::Instant::now();
    let off=std::env::args().skip(1).map(|s|Wall::from_slug(&s).expect("a wall")).collect();
    let e=doctor::examine(&SandboxConfig{walls_off:off,..Default::default()}).map_err(|e|format!("{e} {e:?}"));
    match e { Ok(e)=>for f in &e.findings { println!("{:20} {:?}",f.wall.slug(),f.breach) }, Err(e)=>println!("{e}") }
    eprintln!("{:?}",t.elapsed());
}
