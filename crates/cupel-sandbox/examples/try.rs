//! Runs a command in the sandbox; a playground for whoever works on it.
use cupel_sandbox::*;
use std::sync::Arc;
struct O;
impl Observer for O { fn stdout(&mut self, d:&[u8]){print!("{}",String::from_utf8_lossy(d))} fn stderr(&mut self,d:&[u8]){eprint!("{}",String::from_utf8_lossy(d))} }
fn main(){
    launcher::enter_if_asked();
    let t=std::time::Instant::now();
    let sb=Sandbox::start(SandboxConfig{..Default::default()}).map_err(|e|{eprintln!("{e}");e}).unwrap();
    eprintln!("start {:?} {:?}",t.elapsed(),sb.features());
    let mut slot=sb.slot(0);
    let t=std::time::Instant::now();
    slot.warm_up().unwrap();
    eprintln!("warm {:?}",t.elapsed());
    let argv:Vec<String>=std::env::args().skip(1).collect();
    let c=Command{argv,env:vec![("PATH".into(),"/usr/local/bin:/usr/bin:/bin".into())],files:vec![],stdin:Stdin::Bytes(Arc::from(&b""[..])),limits:Default::default(),kind:CellKind::Run,collect:None};
    for _ in 0..3 { let t=std::time::Instant::now(); let r=slot.run(&c,&mut O); eprintln!("{:?} {r:?}",t.elapsed()); }
    let mut v:Vec<_>=(0..200).map(|_|{let t=std::time::Instant::now(); let _=slot.run(&c,&mut O).unwrap(); t.elapsed()}).collect(); v.sort(); eprintln!("p50 {:?} p99 {:?}",v[100],v[198]);
}
