package main

//arch:table of the figures

// expected is a figure that an issue asks for.
type expected struct {
	name, unit, how string
	freeswitch      bool // cannot be measured without a FreeSWITCH
}

// table lists the figures in the order in which they are printed. To add one: a row here, and a benchmark that reports
// it under this name and unit.
var table = []expected{
	{name: "p1.softswitch.offer_p50", unit: "ms", how: "agent free to offer on a real call, 10 agents, 200 calls, softswitch"},
	{name: "p1.softswitch.offer_p99", unit: "ms", how: "the same, 99th percentile"},
	{name: "p1.polling.offer_p50", unit: "ms", how: "polling dispatcher with mod_callcenter's documented rules, same load"},
	{name: "p1.polling.offer_p99", unit: "ms", how: "the same, 99th percentile"},
	{name: "p1.ratio_p50", unit: "x", how: "polling dispatcher's p50 divided by Ramal's"},
	{name: "p1.freeswitch.offer_p50", unit: "ms", how: "agent free to offer, 10 agents, FreeSWITCH", freeswitch: true},
	{name: "p1.freeswitch.offer_p99", unit: "ms", how: "the same, 99th percentile", freeswitch: true},
	{name: "p5.event_age_p50", unit: "ms", how: "switch's stamp to core handler, idle connection, newline poke",
		freeswitch: true},
	{name: "p5.event_age_p99", unit: "ms", how: "the same, 99th percentile", freeswitch: true},
	{name: "p5.event_age_without_poke_p50", unit: "ms", how: "the same connection without the poke", freeswitch: true},
	{name: "p6.ingest.ramal", unit: "events_per_s", how: "16.7 kB events of 150 headers, one core, only the wanted headers"},
	{name: "p6.ingest.textproto", unit: "events_per_s", how: "comparator: net/textproto, all headers"},
	{name: "p6.ingest.json", unit: "events_per_s", how: "comparator: JSON into a map"},
	{name: "p6.ingest.ratio_textproto", unit: "x", how: "Ramal's rate divided by textproto's"},
	{name: "p6.ingest.allocs", unit: "allocs_per_event", how: "allocations per event on Ramal's way"},
	{name: "calls.invite_to_queue", unit: "calls_per_s", how: "INVITE to queue for 60 s without a failure, softswitch"},
	{name: "calls.bridged_g711", unit: "calls", how: "bridged calls with 99 % of packets within 10 ms of their time"},
}
