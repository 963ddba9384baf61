// The page of `envc check`: overlays and their findings.
const SIGNS = { error: "✖", warning: "▲", note: "●" };
const worst = findings => ["error", "warning", "note"].find(s => findings.some(f => f[1] === s)) || "";
const urgency = o => o.ok ? ["warning", "note", ""].indexOf(o.worst) : -1;
const overlays = data.overlays.map(o => ({ ...o, worst: worst(o.findings),
  text: [o.name, o.spec, o.owner, o.base, o.impact, ...o.adds, ...o.shadows, ...o.lifts, ...o.hides,
    ...o.findings.flat()].join("\n").toLowerCase() }))
  .sort((one, other) => urgency(one) - urgency(other));
const used = Object.keys(data.codes).filter(code => overlays.some(o => o.findings.some(f => f[0] === code)));
// More columns than that are no table on a phone.
const CODE = used.length > 3 ? "code wide " : "code ";
const impacts = [...new Set(overlays.map(o => o.impact).filter(Boolean))].sort();

function matches(o) {
  const verdict = get("verdict").value, code = get("code").value, impact = get("impact")?.value;
  if (verdict === "fail" && o.ok) return false;
  if (verdict === "warn" && !(o.ok && o.worst === "warning")) return false;
  if (verdict === "ok" && (!o.ok || o.worst === "warning")) return false;
  if (code && !o.findings.some(f => f[0] === code)) return false;
  return !impact || o.impact === impact;
}

function row(o) {
  const line = make("tr");
  line.dataset.spec = o.spec;
  const state = make("td", o.ok ? "ok" : "FAIL", o.ok ? "good" : "error");
  line.append(state, make("th", o.name), make("td", o.owner), make("td", o.base));
  line.children[1].scope = "row";
  if (impacts.length) line.append(make("td", o.impact));
  for (const code of used) {
    const some = o.findings.filter(f => f[0] === code);
    const cell = make("td", some.length ? SIGNS[worst(some)] : "", CODE + worst(some));
    if (some.length) cell.title = code + ": " + data.codes[code];
    if (some.length) cell.setAttribute("aria-label", worst(some) + " " + code);
    line.append(cell);
  }
  return line;
}

function head() {
  const line = make("tr");
  for (const title of ["", "overlay", "owner", "base", ...(impacts.length ? ["against"] : [])]) line.append(make("th", title));
  for (const code of used) {
    const cell = make("th", undefined, CODE.trim()), button = make("button", code);
    button.type = "button";
    button.title = data.codes[code];
    button.setAttribute("aria-pressed", String(get("code").value === code));
    button.addEventListener("click", () => { get("code").value = get("code").value === code ? "" : code; again(); });
    cell.append(button);
    line.append(cell);
  }
  return line;
}

function sum(found) {
  const failed = found.filter(o => !o.ok).length;
  const of = found.length === overlays.length ? "" : " of " + overlays.length;
  return found.length + of + (overlays.length === 1 ? " overlay, " : " overlays, ") + failed + " in conflict";
}

function about(o) {
  const lines = [["adds", o.adds], ["replaces", o.shadows], ["also moves", o.lifts], ["hides", o.hides]];
  const parts = [make("h2", o.name), make("p", [o.spec, o.owner && "owner " + o.owner, o.base && "on " + o.base,
    o.impact].filter(Boolean).join(", "), "soft")];
  parts.push(make("p", ["inherits " + o.inherits, ...lines.filter(([, p]) => p.length).map(([w, p]) => w + " " + p.join(", "))].join("; ")));
  if (!o.findings.length) parts.push(make("p", "Nothing to tell.", "soft"));
  for (const [code, severity, message, , where, mend] of o.findings) {
    const part = make("article", undefined, severity);
    part.append(make("strong", SIGNS[severity] + " " + severity + " " + code), make("p", message));
    if (where) part.append(make("p", "at: " + where, "soft"));
    if (mend) part.append(make("p", "help: " + mend));
    parts.push(part);
  }
  return parts;
}

const filters = [
  { id: "verdict", label: "Verdict", options: [["", "all"], ["fail", "in conflict"], ["warn", "ok with warnings"], ["ok", "ok, nothing to tell"]] },
  { id: "code", label: "Finding", options: [["", "any"], ...used.map(code => [code, code + " " + data.codes[code]])] },
];
if (impacts.length) filters.push({ id: "impact", label: "Against the other state", options: [["", "any"], ...impacts.map(i => [i, i])] });
begin({ title: "envc check: " + data.site, label: "Overlays and their findings", placeholder: "name, owner, project, text",
  items: overlays, filters, matches, head, row, sum, detail: about });
