//! Tests of the spans that a collector receives. The collector is a listener that decodes OTLP with OpenTelemetry's own
//! definitions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cupel_core::event::{Event, EventKind, Seq};
use cupel_testkit::http::HttpReceiver;
use cupel_testkit::{a_submission, t0};
use cupel_traces::{Ended, Parent, Request, Run, Settings, Traces};
use cupel_types::{RunId, Submission, SubmissionId, Verdict};
use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use uuid::Uuid;

fn settings(url: &str, part: f64) -> Settings {
    Settings { url: url.to_owned(), part, service: "cupel".into(), instance: "node-1".into(), version: "1.2.3".into() }
}

/// Ends tracing and returns all spans that the collector received. Waits until there are `count`, and then for more.
fn spans(traces: &Traces, collector: &HttpReceiver, count: usize) -> Vec<Span> {
    traces.end();
    let mut spans = Vec::new();
    let wait = |spans: &Vec<Span>| Duration::from_millis(if spans.len() < count { 60_000 } else { 300 });
    while let Some(request) = collector.next_within(wait(&spans)) {
        assert!(request.head.starts_with("POST /v1/traces "), "{}", request.head);
        let request = ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap();
        for of_resource in request.resource_spans {
            let resource = texts(&of_resource.resource.unwrap().attributes);
            assert_eq!(resource["service.name"], "cupel");
            assert_eq!((&*resource["service.instance.id"], &*resource["service.version"]), ("node-1", "1.2.3"));
            spans.extend(of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    spans
}

/// Attributes as text.
fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::StringValue(text) => text,
        Value::BoolValue(value) => value.to_string(),
        Value::IntValue(value) => value.to_string(),
        Value::DoubleValue(value) => value.to_string(),
        other => format!("{other:?}"),
    };
    let value = |attribute: &KeyValue| attribute.value.clone().unwrap().value.map_or_else(String::new, text);
    attributes.iter().map(|attribute| (attribute.key.clone(), value(attribute))).collect()
}

fn at(ms: i64) -> Timestamp {
    t0() + jiff::SignedDuration::from_millis(ms)
}

/// Start and end of a span, in milliseconds after [`t0`].
fn times(span: &Span) -> (i64, i64) {
    let zero = t0().as_millisecond();
    (span.start_time_unix_nano as i64 / 1_000_000 - zero, span.end_time_unix_nano as i64 / 1_000_000 - zero)
}

fn log(submission: SubmissionId) -> Vec<Event> {
    let usage = cupel_testkit::a_report(b"").execution.unwrap().usage;
    let ended = |case: &str, verdict| EventKind::ExecutionEnded {
        case: Some(case.into()),
        verdict,
        outcome: cupel_testkit::a_report(b"").execution.unwrap().outcome,
        usage,
    };
    let wall_time = Duration::from_millis(8);
    let kinds = [
        (20, EventKind::Started { attempt: 1 }),
        (21, EventKind::CompileStarted),
        (30, EventKind::CompileEnded { ok: true, cached: false, wall_time, output: Arc::from([]) }),
        (31, EventKind::ExecutionStarted { case: Some("1".into()) }),
        (40, ended("1", Verdict::Accepted)),
        (41, EventKind::ExecutionStarted { case: Some("ü".repeat(40)) }),
        (50, ended(&"ü".repeat(40), Verdict::WrongAnswer)),
    ];
    let event = |(number, (ms, kind))| Event { submission, seq: Seq::of_attempt(1, number), at: at(ms), kind };
    (1..).zip(kinds).map(event).collect()
}

fn request<'a>(accepted: &'a [SubmissionId], parent: Option<Parent>) -> Request<'a> {
    Request {
        id: "req-1",
        method: "POST",
        route: Some("/api/v1/execute"),
        status: 202,
        began: at(0),
        ended: at(5),
        parent,
        accepted,
    }
}

fn run<'a>(submission: &'a Submission, outcome: Ended<'a>) -> Run<'a> {
    let run = RunId::from_uuid(Uuid::from_u128(9));
    Run { submission, run, attempt: 1, began: at(20), ended: at(60), outcome }
}

#[test]
fn a_submissions_trace_has_its_id_and_the_times_of_its_steps() {
    let collector = HttpReceiver::start(["200 OK"]);
    let traces = Traces::new(&settings(collector.url(), 1.0)).unwrap();
    let (submission, _) = a_submission().build();
    let parent = Parent::read("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    traces.answered(&request(&[submission.id], parent));
    let log = log(submission.id);
    traces.ran(&run(&submission, Ended::Judged(Verdict::WrongAnswer, &log)));

    let spans = spans(&traces, &collector, 7);
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let of_submission = submission.id.as_uuid().as_bytes();
    let ours: Vec<_> = spans.iter().filter(|span| span.trace_id == of_submission).collect();
    assert_eq!((spans.len(), ours.len()), (7, 6));

    let [asked] = *named("POST /api/v1/execute") else { panic!("{spans:?}") };
    assert_eq!(asked.trace_id, Uuid::from_u128(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c).as_bytes());
    assert_eq!(asked.parent_span_id, 0xb7ad_6b71_6920_3331_u64.to_be_bytes());
    let attributes = texts(&asked.attributes);
    assert_eq!((&*attributes["http.route"], &*attributes["http.response.status_code"]), ("/api/v1/execute", "202"));

    let [submit] = *named("submit") else { panic!("{spans:?}") };
    assert!(submit.parent_span_id.is_empty() || submit.parent_span_id == [0; 8]);
    assert_eq!(asked.links[0].trace_id, submit.trace_id);
    assert_eq!(asked.links[0].span_id, submit.span_id);
    assert_eq!(submit.links[0].span_id, asked.span_id);

    let [wait] = *named("wait") else { panic!("{spans:?}") };
    let [ran] = *named("run") else { panic!("{spans:?}") };
    assert_eq!((&wait.parent_span_id, &ran.parent_span_id), (&submit.span_id, &submit.span_id));
    assert_eq!((times(wait), times(ran)), ((0, 20), (20, 60)));
    let attributes = texts(&ran.attributes);
    assert_eq!((&*attributes["cupel.verdict"], &*attributes["cupel.language"]), ("WA", "python"));
    assert_eq!(attributes["cupel.submission.id"], submission.id.to_string());
    assert!(ran.status.as_ref().is_none_or(|status| status.code == 0), "a verdict is not an error of Cupel");

    let [compile] = *named("compile") else { panic!("{spans:?}") };
    assert_eq!((times(compile), &compile.parent_span_id), ((21, 30), &ran.span_id));
    let [first, second] = *named("execute") else { panic!("{spans:?}") };
    assert_eq!((times(first), times(second)), ((31, 40), (41, 50)));
    assert_eq!(texts(&first.attributes)["cupel.case"], "1");
    assert_eq!(texts(&second.attributes)["cupel.case"], "ü".repeat(32), "names are cut at a character boundary");
    let everything = format!("{spans:?}");
    assert!(!everything.contains("print(42)"), "no span contains source code");
}

#[test]
fn an_attempt_with_an_internal_failure_is_an_error() {
    let collector = HttpReceiver::start(["200 OK"]);
    let traces = Traces::new(&settings(collector.url(), 1.0)).unwrap();
    let (submission, _) = a_submission().build();
    let first = run(&submission, Ended::Failed("the sandbox failed"));
    traces.ran(&first);
    traces.ran(&Run { attempt: 2, began: at(70), ended: at(60), ..first });
    let spans = spans(&traces, &collector, 3);
    let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["wait", "run", "run"], "only the first attempt has a `wait` span");
    let status = spans[1].status.clone().unwrap();
    assert_eq!((status.code, &*status.message), (2, "the sandbox failed"));
    assert_eq!(times(&spans[2]), (70, 70), "a span never ends before it begins, even if clocks differ");
}

#[test]
fn all_nodes_trace_the_same_fraction() {
    let collector = HttpReceiver::start(["200 OK"]);
    let traces = Traces::new(&settings(collector.url(), 0.25)).unwrap();
    let ids: Vec<_> = (0..400u32)
        .map(|n| {
            let low = u128::from(n * 10_737_419); // evenly spaced, from 0 to almost 2^32
            SubmissionId::from_uuid(Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 | low))
        })
        .collect();
    for id in &ids {
        traces.answered(&request(&[*id], None));
        let (submission, _) = a_submission().build();
        traces.ran(&run(&Submission { id: *id, ..submission }, Ended::Failed("")));
    }
    let spans = spans(&traces, &collector, 300);
    let count = |name: &str| spans.iter().filter(|span| span.name == name).count();
    assert_eq!((count("submit"), count("run"), count("POST /api/v1/execute")), (100, 100, 100));
}

#[test]
fn a_request_of_an_unsampled_trace_is_traced_only_for_its_submissions() {
    let collector = HttpReceiver::start(["200 OK"]);
    let traces = Traces::new(&settings(collector.url(), 0.0)).unwrap();
    let (submission, _) = a_submission().build();
    let asks = |text: &str| Parent::read(text);
    traces.answered(&request(&[submission.id], asks("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")));
    traces.answered(&request(&[], None));
    traces.answered(&request(&[], asks("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")));
    let spans = spans(&traces, &collector, 1);
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].parent_span_id, 0xb7ad_6b71_6920_3331_u64.to_be_bytes());
}

/// All of these requests end in one second.
#[test]
fn clients_that_sample_their_traces_add_at_most_ten_requests_per_second() {
    let collector = HttpReceiver::start(["200 OK"]);
    let traces = Traces::new(&settings(collector.url(), 0.0)).unwrap();
    let sampled = Parent::read("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let (submission, _) = a_submission().build();
    for accepted in [&[][..], &[submission.id]] {
        for _ in 0..100 {
            traces.answered(&request(accepted, sampled));
        }
    }
    traces.answered(&Request { ended: at(1005), ..request(&[], sampled) });
    assert_eq!(spans(&traces, &collector, 11).len(), 11);
}

#[test]
fn beyond_that_the_configured_share_applies() {
    let collector = HttpReceiver::start(["200 OK"]);
    let traces = Traces::new(&settings(collector.url(), 1.0)).unwrap();
    let sampled = Parent::read("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    for _ in 0..100 {
        traces.answered(&request(&[], sampled));
    }
    assert_eq!(spans(&traces, &collector, 100).len(), 100);
}

#[test]
fn an_unreachable_or_refusing_collector_does_not_block_callers() {
    let refusing = HttpReceiver::start(["403 No"]);
    for url in ["http://127.0.0.1:1", refusing.url()] {
        let traces = Traces::new(&settings(url, 1.0)).unwrap();
        for _ in 0..50_000 {
            traces.answered(&request(&[], None));
        }
        traces.end();
    }
}
