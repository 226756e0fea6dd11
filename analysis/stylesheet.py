"""The look of index.html: light and dark, wide and narrow."""

CSS = """
:root{color-scheme:light dark;--ink:#1c1e21;--soft:#5b616a;--line:#d9dce1;--page:#fff;--card:#f6f7f9;
--pass:#00704f;--fail:#b3400a;--open:#5b616a}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#a3a9b3;--line:#3a3f47;--page:#15171a;--card:#1f2226;
--pass:#4cc79a;--fail:#ff9a62;--open:#a3a9b3}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:74rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.7rem;line-height:1.2;margin:.2rem 0}
h2{font-size:1.15rem;margin:2.2rem 0 .6rem;border-bottom:1px solid var(--line);padding-bottom:.25rem}
.preset{margin:0;color:var(--soft);font-size:.85rem}.question{margin:.4rem 0;color:var(--soft)}
.gates{list-style:none;margin:0;padding:0;display:grid;gap:.4rem;grid-template-columns:repeat(auto-fit,minmax(17rem,1fr))}
.gates li{background:var(--card);border-left:4px solid var(--open);border-radius:4px;padding:.5rem .7rem}
.gates b{text-transform:uppercase;font-size:.72rem;letter-spacing:.04em;color:var(--open);margin-right:.4rem}
.gates small{display:block;color:var(--soft);overflow-wrap:anywhere}
.gates .pass{border-color:var(--pass)}.gates .pass b{color:var(--pass)}
.gates .fail{border-color:var(--fail)}.gates .fail b{color:var(--fail)}
#verdicts h3{font-size:1rem;margin:1.2rem 0 .1rem}.tested{margin:0 0 .5rem;color:var(--soft);font-size:.85rem;max-width:52rem}
#verdicts h3 b{font-size:.72rem;text-transform:uppercase;letter-spacing:.04em;color:var(--open)}
.gates .supported{border-color:var(--pass)}.gates .supported b,#verdicts h3 .supported{color:var(--pass)}
.gates .refuted{border-color:var(--fail)}.gates .refuted b,#verdicts h3 .refuted{color:var(--fail)}
figure{margin:1.2rem 0 2rem}
figcaption{color:var(--soft);font-size:.85rem;margin-top:.5rem;max-width:52rem;overflow-wrap:anywhere}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.78rem;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .34rem;text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left;font-weight:400;position:sticky;left:0;background:var(--page)}
td.note{white-space:normal;font-style:italic;color:var(--soft);text-align:left}
thead th{border-bottom:1px solid var(--ink);border-top:2px solid var(--ink);font-weight:600}
tbody tr:last-child>*{border-bottom:2px solid var(--ink)}
tr.rule>*{border-top:1px solid var(--line)}
.plot{background:#fff;border-radius:6px;padding:.6rem;overflow-x:auto}
.plot svg{display:block;width:100%;height:auto;min-width:26rem;max-width:48rem}
#difference_to_baseline .plot svg{min-width:18rem;max-width:30rem}
details table td{text-align:left}tr.failed,tr.broken,tr.missing,tr.running,tr.diverged{color:var(--fail)}
dl{display:grid;grid-template-columns:minmax(8rem,auto) 1fr;gap:.2rem 1rem;font-size:.85rem;overflow-wrap:anywhere}
dt{color:var(--soft)}dd{margin:0;min-width:0}
@media(max-width:34rem){dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}}
@media print{.scroll{overflow:visible}}
"""
