// Tables that the server no longer has: it keeps the last ten, until it ends.

import { DEFAULTS, changed } from "./configuration.js";

const KEY = "table";

function storedName() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

// Keeps the name of the table that is trained on, until this tab is closed.
export function rememberTable({ config, tables }) {
  const name = tables?.find(({ table }) => table === config.table)?.name;
  if (!name) return;
  try {
    sessionStorage.setItem(KEY, name);
  } catch {
    // Without storage the name is not known after a reload.
  }
}

// Whether the server refused `asked` since it does not have its table.
export function lacksTable(asked, state, argument) {
  return argument === "table" && asked?.dataset === "table" && !state?.tables?.some(({ table }) => table === asked.table);
}

// What to send instead of `asked`: the server's table of the same name, or else the same network
// on other data; `lost` then says which table to choose again.
export function withoutTable(asked, { tables }) {
  const name = storedName();
  const { target, task, plot_x, plot_y } = asked;
  const same = tables?.find((each) => each.name === name && each.columns.some((column) => column.name === target));
  if (same) return { config: { ...asked, table: same.table }, lost: null };
  return { config: changed(asked, { dataset: DEFAULTS.dataset }), lost: { name, target, task, plot_x, plot_y } };
}

// The settings for an uploaded table: those of the lost one as far as it has their columns.
export function settingsOf({ table, columns }, target, lost) {
  const has = (name) => name === "pca" || columns.some((column) => column.name === name);
  const settings = { dataset: "table", table, target, plot_x: null, plot_y: null };
  if (lost?.target !== target) return settings;
  return { ...settings, task: lost.task, plot_x: has(lost.plot_x) ? lost.plot_x : null, plot_y: has(lost.plot_y) ? lost.plot_y : null };
}
