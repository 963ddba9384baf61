// The page of `envc status`: what each node runs.
const SIGNS = { present: "✔", converged: "✔", behind: "▲", drifted: "✖", absent: "○", failed: "✖", pending: "…" };
const CLASSES = { present: "good", converged: "good", behind: "warning", drifted: "error", absent: "soft", failed: "error", pending: "note" };
const short = digest => digest ? digest.replace("sha256:", "").slice(0, 12) : "-";
const size = bytes => bytes === null ? "-" : (bytes / 1e9).toFixed(1) + " GB";
const count = files => files === null ? "-" : files.toLocaleString("en");
const told = drift => drift === null ? "?" : String(drift);
// What needs somebody comes first.
const URGENT = ["failed", "drifted", "behind", "absent", "pending", "present", "converged"];
const nodes = Object.entries(data.nodes).map(([name, n]) => ({ ...n, name,
  text: [name, n.condition, n.digest, n.envc, n.machine, n.reason, ...n.in_use.map(g => "generation " + g)].join("\n").toLowerCase() }))
  .sort((one, other) => URGENT.indexOf(one.condition) - URGENT.indexOf(other.condition));
const values = key => [...new Set(nodes.map(n => n[key]).filter(Boolean))].sort();

function matches(n) {
  return ["condition", "digest", "envc"].every(key => !get(key).value || n[key] === get(key).value);
}

function head() {
  const line = make("tr");
  for (const title of ["node", "condition", "generation"]) line.append(make("th", title));
  for (const title of ["digest", "drift", "in use", "free", "free inodes", "envc"]) line.append(make("th", title, "wide"));
  return line;
}

function row(n) {
  const line = make("tr"), number = n.generation === null ? "-" : String(n.generation);
  line.dataset.node = n.name;
  const cells = [number, short(n.digest), told(n.drift), n.in_use.join(", ") || "-", size(n.free_bytes),
    count(n.free_files), n.envc || "-"].map((text, column) => make("td", text, column ? "wide" : ""));
  cells[1].className = "digest wide";
  if (n.drift) cells[2].className = "error wide";
  const name = make("th", n.name);
  name.scope = "row";
  line.append(name, make("td", SIGNS[n.condition] + " " + n.condition, CLASSES[n.condition]), ...cells);
  return line;
}

function sum(found) {
  const counts = Object.keys(SIGNS).map(c => [c, found.filter(n => n.condition === c).length]).filter(([, count]) => count);
  const of = found.length === nodes.length ? "" : " of " + nodes.length;
  return found.length + of + (nodes.length === 1 ? " node" : " nodes") + counts.map(([c, count]) => ", " + count + " " + c).join("");
}

function about(n) {
  const parts = [make("h2", n.name), make("p", data.target.replaceAll("{node}", n.name) + (n.machine ? ", " + n.machine : ""), "soft")];
  const state = make("article", undefined, CLASSES[n.condition]);
  state.append(make("strong", SIGNS[n.condition] + " " + n.condition));
  if (n.reason) state.append(make("p", n.reason));
  if (n.digest) state.append(make("p", "generation " + n.generation + ": " + n.digest));
  for (const [layer, closure] of Object.entries(n.closures)) {
    const wanted = n.wanted || data.wanted;
    const other = wanted && wanted[layer] !== closure ? "; wanted: " + (wanted[layer] || "none") : "";
    state.append(make("p", layer + ": " + closure + other));
  }
  if (n.drift) state.append(make("p", n.drift === 1 ? "1 path differs" : n.drift + " paths differ"));
  state.append(make("p", "free: " + size(n.free_bytes) + ", " + count(n.free_files) + " inodes; envc " + (n.envc || "-")));
  if (n.in_use.length) state.append(make("p", "running processes hold generation " + n.in_use.join(", ")));
  parts.push(state);
  return parts;
}

const options = key => [["", "any"], ...values(key).map(v => [v, key === "digest" ? short(v) : v])];
begin({ title: "envc status: " + data.target, label: "Nodes and what they run", placeholder: "node, digest, reason",
  items: nodes, matches, head, row, sum, detail: about, filters: [
    { id: "condition", label: "Condition", options: options("condition") },
    { id: "digest", label: "Digest", options: options("digest") },
    { id: "envc", label: "envc", options: options("envc") },
  ] });
