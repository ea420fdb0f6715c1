package main

//arch:table of the figures

// expected is a figure that an issue asks for. It comes from a benchmark (bench, with its part after a slash, and the
// unit that it reports), from two other figures (over divided by under), or from a benchmark that reports it under
// its own name.
type expected struct {
	name, unit, how string

	bench, metric string
	over, under   string
	freeswitch    bool // cannot be measured without a FreeSWITCH
}

// oneCore are the benchmarks that are run on one core, because their figure is per core.
var oneCore = []string{"BenchmarkP6Ingest", "BenchmarkP6IngestTextproto", "BenchmarkP6IngestJSON"}

//arch:table of the figures, in the order in which they are printed

var table = []expected{
	{name: "p1.softswitch.offer_p50", unit: "ms",
		how: "softswitch: from an agent's hang-up, before the phone sends BYE, " +
			"to the next INVITE at the same phone, by the phone's clock; 10 agents, 200 SIPp calls, 20 waiting, no wrap-up"},
	{name: "p1.softswitch.offer_p99", unit: "ms", how: "the same, 99th percentile of 190 offers"},
	{name: "p1.polling.offer_p50", unit: "ms",
		how: "polling dispatcher with mod_callcenter's documented rules, same load"},
	{name: "p1.polling.offer_p99", unit: "ms", how: "the same, 99th percentile"},
	{name: "p1.ratio_p50", unit: "x", how: "polling dispatcher's p50 divided by Ramal's",
		over: "p1.polling.offer_p50", under: "p1.softswitch.offer_p50"},
	{name: "p1.core.offer_p50", unit: "ms",
		how: "inside the core, a switch that answers at once: agent free to Dial; 10 agents, 200 calls"},
	{name: "p1.core.offer_p99", unit: "ms", how: "the same, 99th percentile"},
	{name: "p1.core.ratio_p50", unit: "x", how: "polling dispatcher's p50 divided by the core's"},
	{name: "p1.freeswitch.offer_p50", unit: "ms", how: "the same measurement with FreeSWITCH as the switch",
		freeswitch: true},
	{name: "p1.freeswitch.offer_p99", unit: "ms", how: "the same, 99th percentile of 190 offers", freeswitch: true},

	{name: "p5.event_age_p50", unit: "ms", how: "switch's stamp to core handler, idle connection, newline poke",
		bench: "BenchmarkP5EventAge/poke", metric: "p50_ms", freeswitch: true},
	{name: "p5.event_age_p99", unit: "ms", how: "the same, 99th percentile",
		bench: "BenchmarkP5EventAge/poke", metric: "p99_ms", freeswitch: true},
	{name: "p5.switch_cpu", unit: "percent_of_a_core", how: "FreeSWITCH idle under the poke",
		bench: "BenchmarkP5EventAge/poke", metric: "switch_cpu_%", freeswitch: true},
	{name: "p5.without_poke.event_age_p50", unit: "ms", how: "comparator: the same without the poke",
		bench: "BenchmarkP5EventAge/without", metric: "p50_ms", freeswitch: true},
	{name: "p5.without_poke.event_age_p99", unit: "ms", how: "comparator, 99th percentile",
		bench: "BenchmarkP5EventAge/without", metric: "p99_ms", freeswitch: true},
	{name: "p5.without_poke.switch_cpu", unit: "percent_of_a_core", how: "comparator: FreeSWITCH idle without the poke",
		bench: "BenchmarkP5EventAge/without", metric: "switch_cpu_%", freeswitch: true},

	{name: "p6.ingest", unit: "events_per_s", how: "events of 16.7 kB and 150 headers from bytes to call.Event, one core",
		bench: "BenchmarkP6Ingest", metric: "events/s"},
	{name: "p6.ingest.allocs", unit: "allocs_per_event", how: "allocations per event on that way",
		bench: "BenchmarkP6Ingest", metric: "allocs/op"},
	{name: "p6.textproto", unit: "events_per_s", how: "comparator: the same stream, every header by net/textproto",
		bench: "BenchmarkP6IngestTextproto", metric: "events/s"},
	{name: "p6.json", unit: "events_per_s", how: "comparator: the same event as JSON into a map",
		bench: "BenchmarkP6IngestJSON", metric: "events/s"},
	{name: "p6.ratio_textproto", unit: "x", how: "Ramal's rate divided by textproto's", over: "p6.ingest",
		under: "p6.textproto"},
	{name: "p6.ratio_json", unit: "x", how: "Ramal's rate divided by JSON's", over: "p6.ingest", under: "p6.json"},

	{name: "calls.invite_to_queue", unit: "calls_per_s", how: "SIPp calls, 1.5 s each, all of 60 s queued and ended by " +
		"the log in the database; softswitch, core, PostgreSQL and SIPp share the cores"},
	{name: "calls.invite_to_queue.p99", unit: "ms",
		how: "at that rate, from call.received to queue.entered by their stamps"},
	{name: "calls.bridged_g711", unit: "calls",
		how: "bridged calls of two legs with 99 % of the packets due within 10 ms " +
			"of their time (kernel's arrival, 20 ms grid) and with the partner's sound; the RTP generator shares the cores"},
	{name: "calls.bridged_g711.cpu", unit: "percent_of_a_core_per_call",
		how: "the softswitch's processor time at that load"},
}
