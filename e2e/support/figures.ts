// What a benchmark found out: rows for people, a file for what draws.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';

/** One figure, with what it is held against in the same run. */
export interface Row {
  what: string;
  value: number;
  unit: string;
  p95?: number;
  /** What the baseline is, and how much. */
  baseline?: string;
  baselineValue?: number;
  /** Of the page's main thread meanwhile, ms; 0 where none took 50. */
  longestTaskMs?: number;
  goal?: string;
}

/** A curve of cost against load. */
export interface Plot {
  file: string;
  title: string;
  x: Axis;
  y: Axis;
  series: { name: string; points: [number, number][] }[];
}

interface Axis {
  label: string;
  log: boolean;
}

/** Prints the rows, and writes all of it into the file that `BENCH_JSON` names, beside other benchmarks'. */
export function tell(bench: string, browser: string, rows: Row[], plots: Plot[]): void {
  console.table(
    rows.map(({ what, value, unit, p95, baselineValue, longestTaskMs, goal }) => ({
      what,
      value: short(value),
      unit,
      p95: short(p95),
      baseline: short(baselineValue),
      ratio: baselineValue === undefined ? '' : (value / baselineValue).toFixed(2),
      'longest task': short(longestTaskMs),
      goal: goal ?? '',
    })),
  );
  const file = process.env.BENCH_JSON;
  if (!file) return;
  const [cpu] = os.cpus();
  const machine = {
    cpu: cpu?.model ?? 'unknown',
    cores: os.cpus().length,
    memoryGB: Math.round(os.totalmem() / 1e9),
    system: `${os.type()} ${os.release()}`,
    browser,
  };
  const reports = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  reports[bench] = { bench, machine, rows, plots };
  writeFileSync(file, JSON.stringify(reports, undefined, 2));
}

export function median(values: number[]): number {
  return quantile(values, 0.5);
}

/** The smallest value that so many of all do not exceed. */
export function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

function short(value: number | undefined): string {
  if (value === undefined) return '';
  return value < 100 ? value.toFixed(1) : value.toFixed(0);
}
