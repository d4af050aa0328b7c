/** Plots of a measurement as SVG: lines if the cases form a series, otherwise bars. */
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { formatFigure, inUnit } from '../figures.ts'
import { METRICS, type Measurement, type MetricName, type Result } from '../measurement.ts'

interface Point {
  readonly case: string
  readonly x: number
  readonly y: number
  readonly system: string
  readonly kind: Result['kind']
  readonly title: string
}

/** Small enough for a telephone; wider screens show several beside each other. */
const WIDTH = 440
const LINES_HEIGHT = 300
const BAR_HEIGHT = 20
const STYLE = 'background: none; color: inherit; font-size: 12px; overflow: visible; max-width: 100%; height: auto'
/** A series has at least so many cases. */
const SERIES_MIN = 3

/** The SVG of each plotted metric. `systems` gives every system the same color in all plots. */
export function plotsOf(measurement: Measurement, systems: readonly string[]): string[] {
  const xs = measurement.cases.map(({ x }) => x)
  const isSeries = xs.length >= SERIES_MIN && new Set(xs).size === xs.length && !xs.includes(undefined)
  return plottedMetrics(measurement).flatMap((metric) => {
    const points = pointsOf(measurement, metric)
    if (points.length === 0) return []
    const options = isSeries ? linesOf(points, xs as number[]) : barsOf(points)
    return [svgOf(metric, options, systems)]
  })
}

function plottedMetrics({ metrics }: Measurement): MetricName[] {
  return metrics.filter(
    (metric, at) => at === 0 || metric === 'p99Ms' || metric === 'p99DuringMs' || metric === 'rssBytes',
  )
}

function pointsOf({ cases }: Measurement, metric: MetricName): Point[] {
  return cases.flatMap(({ name, x, results }) =>
    results.flatMap(({ system, kind, medians }) => {
      const value = medians[metric]
      if (value === undefined || !Number.isFinite(value)) return []
      const title = `${system}, ${name}: ${formatFigure(metric, value)} ${METRICS[metric].unit}`
      return [{ case: name, x: x ?? 0, y: inUnit(metric, value), system, kind, title }]
    }),
  )
}

function linesOf(points: readonly Point[], xs: readonly number[]): Plot.PlotOptions {
  const channels = { x: 'x', y: 'y', stroke: 'system' }
  return {
    height: LINES_HEIGHT,
    marginBottom: 44,
    x: { type: 'log', base: 2, label: 'outstanding operations', ticks: [...xs], tickFormat: (x: number) => String(x) },
    y: { type: 'log', grid: true, tickFormat: '~s', ticks: 4 },
    marks: [
      Plot.line(points, { ...channels, filter: isMeasured }),
      Plot.line(points, { ...channels, filter: (point: Point) => !isMeasured(point), strokeDasharray: '4 3' }),
      Plot.dot(points, { ...channels, fill: 'system', r: 2.5, title: 'title' }),
    ],
  }
}

function isMeasured({ kind }: Point): boolean {
  return kind !== 'skeleton'
}

function barsOf(points: readonly Point[]): Plot.PlotOptions {
  const cases = [...new Set(points.map((point) => point.case))]
  const systems = [...new Set(points.map(({ system }) => system))]
  const height = 76 + cases.length * (systems.length * BAR_HEIGHT + 24)
  return {
    height,
    marginLeft: 150,
    marginBottom: 40,
    marginTop: 36,
    x: { grid: true, label: null, ticks: 4, tickFormat: '~s' },
    y: { label: null, domain: systems },
    fy: { label: null, domain: cases, axis: null, padding: 0.25 },
    marks: [
      Plot.barX(points, { x: 'y', y: 'system', fy: 'case', fill: 'system', title: 'title' }),
      Plot.text(cases, {
        fy: (name: string) => name,
        text: (name: string) => name,
        frameAnchor: 'top-left',
        dy: -13,
        dx: -148,
        fontWeight: 'bold',
      }),
      Plot.ruleX([0]),
    ],
  }
}

function svgOf(metric: MetricName, options: Plot.PlotOptions, systems: readonly string[]): string {
  const page = parseHTML('<!doctype html><html><body></body></html>') as { readonly document?: unknown }
  const { title, unit } = METRICS[metric]
  const label = unit === '' ? title : `${title}, ${unit}`
  const svg = Plot.plot({
    ...options,
    document: page.document as NonNullable<Plot.PlotOptions['document']>,
    width: WIDTH,
    color: { type: 'categorical', domain: [...systems], range: systems.map((_, at) => colorOf(at)) },
    ...(options.fy === undefined ? { y: { ...options.y, label } } : { x: { ...options.x, label } }),
  })
  svg.setAttribute('style', STYLE)
  svg.setAttribute('role', 'img')
  svg.setAttribute('aria-label', label)
  return svg.outerHTML
}

/** A color of the page, which depends on whether it is dark. */
export function colorOf(system: number): string {
  return `var(--system-${system})`
}
