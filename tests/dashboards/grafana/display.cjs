"use strict";
// Runs panels through Grafana's own code: node display.cjs LIBRARY SHAPE < boards.json > shown.json
//
// LIBRARY: the installed @grafana/data to use. SHAPE: `browser` or `server`, where Grafana's InfluxDB data
// source makes data of InfluxQL's answers; Grafana 9 does it in the browser, later ones on the server.
// In:  {uid: [{panel, answers: [series of each target]}]}
// Out: {uid: [{title, type, problems, values | frames}]} with the texts, colours and links that are shown.

globalThis.navigator ??= { language: "en-US", languages: ["en-US"] };
const [library, shape] = process.argv.slice(2);
const grafana = require(library);
const { firstValueFrom } = require("rxjs");
globalThis.window = globalThis; // only now: libraries that find a window look for a document too

const complaints = new Set();
for (const level of ["warn", "error"]) console[level] = (...said) => complaints.add(said.join(" "));

function alias(text, series, column) {
  return text.replace(/\$(\w+)/g, (whole, key) => {
    if (key === "col") return column;
    return key.startsWith("tag_") ? (series.tags?.[key.slice(4)] ?? whole) : whole;
  });
}

function seriesName(target, series, column) {
  if (target.alias) return alias(target.alias, series, column);
  const tags = Object.entries(series.tags ?? {}).map(([key, value]) => `${key}: ${value}`);
  return `${series.name}.${column}${tags.length ? ` { ${tags.join(", ")} }` : ""}`;
}

const flat = (series, pick) => series.flatMap((each) => each.values.map((row) => pick(row, each)));

function kindOf(values) {
  const kind = typeof values.find((value) => value !== null);
  return kind === "undefined" ? "number" : kind;
}

function fromServer(target, series) {
  const time = { name: "Time", type: "time", config: {} };
  const { refId } = target;
  if (target.resultFormat !== "table") {
    return series.flatMap((each) =>
      each.columns.slice(1).map((column, index) => {
        const name = seriesName(target, each, column);
        const values = each.values.map((row) => row[index + 1]);
        const config = { displayNameFromDS: name };
        const value = { name: "Value", type: kindOf(values), labels: each.tags, values, config };
        return { refId, name, fields: [{ ...time, values: each.values.map((row) => row[0]) }, value] };
      }),
    );
  }
  if (!series.length) return [];
  // The order of the tags is that of a Go map: any.
  const tags = Object.keys(series[0].tags ?? {}).reverse();
  const columns = [
    ...tags.map((tag) => [tag, flat(series, (_, each) => each.tags[tag])]),
    ...series[0].columns.slice(1).map((name, index) => [name, flat(series, (row) => row[index + 1])]),
  ];
  const fields = columns.map(([name, values]) => {
    return { name, type: kindOf(values), values, config: { displayNameFromDS: name } };
  });
  return [{ refId, name: series[0].name, fields: [{ ...time, values: flat(series, (row) => row[0]) }, ...fields] }];
}

function inBrowser(target, series) {
  const { refId } = target;
  if (target.resultFormat !== "table") {
    return series.flatMap((each) =>
      each.columns.slice(1).map((column, index) => {
        const title = seriesName(target, each, column);
        const datapoints = each.values.map((row) => [row[index + 1], row[0]]);
        return { refId, title, target: title, tags: each.tags, datapoints };
      }),
    );
  }
  if (!series.length) return [];
  const names = [...Object.keys(series[0].tags ?? {}), ...series[0].columns.slice(1)];
  const columns = [{ text: "Time", type: "time" }, ...names.map((text) => ({ text }))];
  const rows = flat(series, (row, each) => [row[0], ...Object.values(each.tags ?? {}), ...row.slice(1)]);
  return [{ refId, type: "table", columns, rows }];
}

function registered() {
  const transformers = new Map(Object.values(grafana.standardTransformers).map((each) => [each.id, each]));
  grafana.standardTransformersRegistry.setInit(() =>
    [...transformers.values()].map((each) => {
      const { operator, defaultOptions } = each;
      // Early versions take the transformation itself, later ones what loads it.
      const transformation = Object.assign(() => Promise.resolve(each), { operator, defaultOptions });
      return { id: each.id, name: each.name, transformation, editor: () => null };
    }),
  );
  const standard = {
    color: grafana.identityOverrideProcessor,
    decimals: grafana.numberOverrideProcessor,
    displayName: grafana.displayNameOverrideProcessor,
    links: grafana.dataLinksOverrideProcessor,
    mappings: grafana.valueMappingsOverrideProcessor,
    max: grafana.numberOverrideProcessor,
    min: grafana.numberOverrideProcessor,
    noValue: grafana.stringOverrideProcessor,
    thresholds: grafana.thresholdsOverrideProcessor,
    unit: grafana.unitOverrideProcessor,
  };
  // That these exist is what the type check of the boards finds out.
  const custom = ["cellOptions", "fillBelowTo", "fillOpacity", "filterable", "hideFrom", "lineWidth", "width"];
  const item = (id, path, process, isCustom) => {
    return { id, path, name: id, process, isCustom, shouldApply: () => true, override: () => null, editor: () => null };
  };
  return new grafana.FieldConfigOptionsRegistry(() => [
    ...Object.entries(standard).map(([id, process]) => item(id, id, process, false)),
    ...custom.map((id) => item(`custom.${id}`, id, grafana.identityOverrideProcessor, true)),
  ]);
}

const registry = registered();
const theme = grafana.createTheme();
const timeZone = "Asia/Shanghai";
const units = new Set(grafana.getValueFormats().flatMap((group) => group.submenu.map((unit) => unit.value)));

function replaceVariables(text, scoped) {
  const context = scoped?.__dataContext?.value;
  return text.replace(/\$\{__data\.fields\.(\w+)\}/g, (whole, key) => {
    if (!context) return whole;
    return String(grafana.getFieldDisplayValuesProxy(context)[key] ?? whole);
  });
}

// What Grafana itself sets where a board is silent: above 80 is red.
const ITS_THRESHOLDS = { mode: "absolute", steps: [{ value: -Infinity, color: "green" }, { value: 80, color: "red" }] };
const BY_THRESHOLDS = new Set(["stat", "bargauge", "table", "geomap"]);

function withItsDefaults(panel) {
  const { defaults = {}, overrides = [] } = panel.fieldConfig ?? {};
  const color = BY_THRESHOLDS.has(panel.type) ? { mode: "thresholds" } : { mode: "palette-classic" };
  return { defaults: { color, thresholds: ITS_THRESHOLDS, ...defaults }, overrides };
}

function problemsOf(panel, frames, fieldConfig) {
  const problems = [];
  const known = (unit) => units.has(unit) || /^suffix:\S/.test(unit);
  for (const { id } of panel.transformations ?? []) {
    if (!grafana.standardTransformersRegistry.getIfExists(id)) problems.push(`no transformation ${id}`);
  }
  if (fieldConfig.defaults.unit && !known(fieldConfig.defaults.unit)) problems.push(`no unit ${fieldConfig.defaults.unit}`);
  for (const { matcher, properties } of fieldConfig.overrides) {
    const matches = grafana.fieldMatchers.get(matcher.id).get(matcher.options);
    if (!frames.some((frame) => frame.fields.some((field) => matches(field, frame, frames)))) {
      problems.push(`no field ${matcher.options}`);
    }
    for (const { id, value } of properties) {
      if (!registry.getIfExists(id)) problems.push(`no property ${id}`);
      if (id === "unit" && !known(value)) problems.push(`no unit ${value}`);
    }
  }
  return problems;
}

function shownField(field, frame, frames) {
  const values = Array.from(field.values.toArray?.() ?? field.values);
  const shown = values.map((value) => field.display(value));
  const linked = (field.config.links ?? []).length > 0;
  return {
    name: field.name,
    title: grafana.getFieldDisplayName(field, frame, frames),
    values,
    texts: shown.map((each) => grafana.formattedValueToString(each)),
    colors: shown.map((each) => each.color ?? null),
    links: linked ? values.map((_, row) => field.getLinks({ valueRowIndex: row })[0].href) : [],
    custom: field.config.custom ?? {},
  };
}

async function show({ panel, answers }) {
  const targets = panel.targets ?? [];
  const made = shape === "browser" ? inBrowser : fromServer;
  const asked = grafana.getProcessedDataFrames(targets.flatMap((target, index) => made(target, answers[index])));
  const context = { interpolate: (text) => text };
  const data = await firstValueFrom(grafana.transformDataFrame(panel.transformations ?? [], asked, context));
  const fieldConfig = withItsDefaults(panel);
  const out = { title: panel.title, type: panel.type, problems: problemsOf(panel, data, fieldConfig) };
  const frames = grafana.applyFieldOverrides({
    data, fieldConfig, fieldConfigRegistry: registry, replaceVariables, theme, timeZone,
  });
  const { reduceOptions } = panel.options ?? {};
  if (reduceOptions) {
    const values = grafana.getFieldDisplayValues({ fieldConfig, reduceOptions, replaceVariables, theme, data: frames, timeZone });
    out.values = values.map(({ display }) => {
      return { title: display.title, text: grafana.formattedValueToString(display), color: display.color };
    });
  } else {
    out.frames = frames.map((frame) => frame.fields.map((field) => shownField(field, frame, frames)));
  }
  return out;
}

async function main() {
  const boards = JSON.parse(require("node:fs").readFileSync(0, "utf-8"));
  const shown = {};
  for (const [uid, panels] of Object.entries(boards)) {
    shown[uid] = await Promise.all(panels.map(show));
  }
  process.stdout.write(JSON.stringify({ complaints: [...complaints], boards: shown }));
}

main();
