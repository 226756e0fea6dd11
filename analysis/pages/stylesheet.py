"""The look of index.html: light and dark, wide and narrow."""

CSS = """
:root{color-scheme:light dark;--ink:#1c1e21;--soft:#5b616a;--line:#d9dce1;--page:#fff;--card:#f6f7f9;
--pass:#00704f;--fail:#b3400a;--open:#5b616a;--link:#0b5cad;--grey:#5f5f5f;--faint:#b4b8be}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#a3a9b3;--line:#3a3f47;--page:#15171a;--card:#1f2226;
--pass:#4cc79a;--fail:#ff9a62;--open:#a3a9b3;--link:#7db7f5;--grey:#a0a0a0;--faint:#626972}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:74rem;margin:0 auto;padding:1.5rem 1rem 4rem;overflow-wrap:anywhere}
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
table{font-size:.78rem;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .34rem;text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left;font-weight:400;position:sticky;left:0;background:var(--page)}
td.note{white-space:normal;font-style:italic;color:var(--soft);text-align:left}
thead th{border-bottom:1px solid var(--ink);border-top:2px solid var(--ink);font-weight:600}
tbody tr:last-child>*{border-bottom:2px solid var(--ink)}
details table td{text-align:left}tr.failed,tr.broken,tr.missing,tr.silent,tr.diverged{color:var(--fail)}
pre{background:var(--card);padding:.5rem .7rem;font-size:.75rem;max-height:18rem;overflow:auto}
.gates .done,.gates .running{border-color:var(--pass)}
:is(.gates .failed,.gates .broken,.gates .diverged,.gates .silent){border-color:var(--fail)}article p{margin:.4rem 0}
#connection:not(:empty){color:var(--fail)}
dl{display:grid;grid-template-columns:minmax(8rem,auto) 1fr;gap:.2rem 1rem;font-size:.85rem;overflow-wrap:anywhere}
dt{color:var(--soft)}dd{margin:0;min-width:0}
@media(max-width:34rem){dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}}
@media print{.scroll{overflow:visible}}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
h3{font-size:1rem;margin:0 0 .2rem}
.hint,.filter,.soft{color:var(--soft);font-size:.85rem;margin:.3rem 0}
table{border-collapse:separate;border-spacing:0}
.scroll>table:not(.sortable) th{text-align:right;position:static}
button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer;text-align:inherit}
:is(button,input,summary,.scroll,.panel):focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:2px}
button.why{color:var(--link);font-size:.85rem;text-decoration:underline}
.sortable tbody button{text-decoration:underline dotted color-mix(in srgb,currentColor 45%,transparent);
text-underline-offset:.2em}
.sortable tbody button:hover,.sortable thead button:hover{color:var(--link)}
thead th[aria-sort=ascending] button::after{content:" ▲"}thead th[aria-sort=descending] button::after{content:" ▼"}
.filter input{font:inherit;color:inherit;background:var(--page);border:1px solid var(--line);border-radius:4px;padding:.1rem .4rem}
.filter output{margin-left:.6rem}
tbody+tbody>tr:first-child>*{border-top:1px solid var(--line)}
tbody:not(:last-child) tr:last-child>*{border-bottom:0}
.panels{display:grid;gap:.2rem 1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,19rem),1fr));max-width:74rem}
.small{grid-template-columns:repeat(auto-fill,minmax(min(100%,10.5rem),1fr))}.small .panel{max-width:17rem}
.panel{display:block;width:100%;max-width:34rem;height:auto;font-size:10px;touch-action:pan-y}
.panel text{fill:var(--soft)}.panel .title{fill:var(--ink);font-size:10.5px}
.panel .tile{stroke:var(--line)}.panel .tile~text{font-size:8.5px}.panel .tile~.value{font-size:11px}
.panel .dark{fill:#111}.panel .light{fill:#fff}
.mark.on>path[stroke-width]{stroke-width:3.2}.mark.on>.tile{stroke:var(--link);stroke-width:2.5}
.grid{stroke:var(--line);stroke-width:.5}.axis{stroke:var(--soft);stroke-width:.8;fill:none}
.level{stroke:var(--soft);stroke-width:.9;stroke-dasharray:3 3}.cursor{stroke:var(--soft);stroke-width:.8;fill:none}
.panel .band{fill-opacity:.15;stroke:none}.panel .run{stroke-width:.5;stroke-opacity:.45}.point{stroke-width:.8}
.off{display:none}
.legend{border:0;margin:.3rem 0 0;padding:0;display:flex;flex-wrap:wrap;gap:.1rem .9rem;font-size:.8rem}
.legend legend{float:left;color:var(--soft);padding:0;margin-right:.9rem}
.legend label{display:inline-flex;align-items:center;gap:.3rem;max-width:100%;overflow-wrap:anywhere}
.legend svg{width:2.1rem;flex:none}.legend input{margin:0;accent-color:var(--link)}
.legend label:has(input:not(:checked)){opacity:.5}
figure details{font-size:.85rem;margin-top:.3rem}summary{cursor:pointer}
caption{text-align:left;color:var(--soft);padding:.4rem 0 .2rem}
.tip{position:fixed;z-index:3;pointer-events:none;background:var(--card);color:var(--ink);border:1px solid var(--line);
border-radius:6px;padding:.35rem .6rem;font-size:.78rem;max-width:20rem;box-shadow:0 2px 8px #0003;overflow-wrap:anywhere}
.tip>*{display:block}.tip i{display:inline-block;width:.7em;height:.7em;border-radius:50%;margin-right:.4em}
dialog{color:var(--ink);background:var(--page);border:1px solid var(--line);border-radius:8px;max-width:min(60rem,94vw);
max-height:86vh;overflow:auto;padding:.8rem 1.1rem}
dialog::backdrop{background:#0006}
dialog h2{margin:.1rem 5rem .5rem 0;overflow-wrap:anywhere;border:0}dialog p{overflow-wrap:anywhere}
dialog form{position:sticky;top:0;float:right}dialog form button{border:1px solid var(--line);border-radius:4px;padding:.1rem .6rem;
background:var(--card)}
dialog td,dialog .scroll>table:not(.sortable) th{text-align:left}
@media print{button.why,.filter,.hint,.legend input,.tip,dialog{display:none!important}.sortable tbody button{text-decoration:none}
figure,.gates li{break-inside:avoid}h2,h3{break-after:avoid}.panels{grid-template-columns:1fr 1fr}
table{font-size:.6rem}.scroll{overflow:visible}}
"""

_LIGHT = """--a:#f1f3f6;--b:#e6eaef;--cut:#b3400a;
--r0:#08519c;--r1:#3182bd;--r2:#6baed6;--r3:#9ecae1;--r4:#c6dbef;--r5:#cdd1d7;
--r6:#fdd0a2;--r7:#fdae6b;--r8:#fd8d3c;--r9:#e6550d;--r10:#a63603;
--e0:#dcefd8;--e1:#c7e9c0;--e2:#a1d99b;--e3:#74c476;--e4:#41ab5d;--e5:#238b45;--e6:#005a32"""
_DARK = """--a:#20242a;--b:#2a2f36;--cut:#ff9a62;
--r0:#c4e2ff;--r1:#86bff0;--r2:#5297d3;--r3:#376f9f;--r4:#2c506f;--r5:#4a5059;
--r6:#6b4320;--r7:#955a24;--r8:#cf7a2b;--r9:#f5a04d;--r10:#ffd3a0;
--e0:#26382c;--e1:#2c4a35;--e2:#336644;--e3:#3d8657;--e4:#55a86f;--e5:#80cb93;--e6:#b8ebc1"""
_CLASSES = "".join(
    f".{name}{i}{{border-color:var(--{name}{i})}}" for name, n in (("r", 11), ("e", 7)) for i in range(n)
)

SAMPLES_CSS = f"""
.samples{{{_LIGHT}}}
@media(prefers-color-scheme:dark){{.samples{{{_DARK}}}}}
.samples h3{{font-size:1rem;margin:1.6rem 0 .2rem}}
.samples h4{{font-size:.9rem;margin:0}}
.samples>p,.facts{{color:var(--soft);font-size:.85rem;max-width:60rem;overflow-wrap:anywhere}}
.facts{{margin:.1rem 0}}
.samples summary{{color:var(--soft);font-size:.85rem;cursor:pointer}}
.prompt,.response{{white-space:pre-wrap;overflow-wrap:anywhere;position:relative}}
.samples .prompt{{margin:.2rem 0 .4rem;color:var(--ink)}}
.samples article{{border-left:3px solid var(--line);padding:.1rem 0 .1rem .8rem;margin:.9rem 0}}
.response{{line-height:2.35;margin:.2rem 0}}
.g{{padding:.18em 0 .5em;border-bottom:.28em solid;unicode-bidi:isolate}}
.g:nth-of-type(odd){{background:var(--a)}}.g:nth-of-type(even){{background:var(--b)}}
.u{{padding-bottom:.08em;border-bottom:.28em solid}}
.g,.u{{-webkit-box-decoration-break:clone;box-decoration-break:clone;-webkit-print-color-adjust:exact;print-color-adjust:exact}}
{_CLASSES}
mark.u{{color:inherit;outline:1.5px solid var(--ink);padding-inline:.1em;
background:repeating-linear-gradient(135deg,transparent 0 4px,color-mix(in srgb,var(--ink) 17%,transparent) 4px 5px)}}
.cut{{color:var(--cut);padding:0 .06em}}
.samples td{{text-align:right}}.samples tbody>tr>*{{vertical-align:baseline}}
.samples td:last-child,.samples th:last-child{{text-align:left;white-space:normal;min-width:9rem;overflow-wrap:anywhere}}
.scale{{display:flex;max-width:34rem;margin:.15rem 0 .5rem}}
.scale i{{flex:1;border-style:solid;border-width:.7rem 0 0;text-align:right;font-style:normal;color:var(--soft)}}
.scale small{{display:inline-block;transform:translateX(50%);font-size:.68rem}}
@media print{{.samples>details::details-content{{content-visibility:visible;display:block;block-size:auto}}
.response{{break-inside:avoid}}.samples :is(h3,h4,.prompt,.facts,summary){{break-after:avoid}}}}
"""
"""Of the section of sampled responses, in pages that have one. Classes r0 to r10 and e0 to e6 are the two scales."""
