/** A small plot over the last minutes. */
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import '../valid-language.ts'
import uPlot from 'uplot'
import type { PlotName, Sample } from './history.ts'

interface PlotProps {
  readonly title: string
  readonly unit: string
  readonly name: PlotName
  readonly samples: readonly Sample[]
}

const HEIGHT = 120
const SECONDS_MAX = 180
const SECONDS_MIN = 30

export function Plot({ title, unit, name, samples }: PlotProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null)
  const lines = [...new Set(samples.flatMap(({ plots }) => Object.keys(plots[name])))].sort()
  const data = dataOf(samples, name, lines)
  const newest = useRef(data)
  newest.current = data
  const plot = useRef<uPlot | undefined>(undefined)
  // A plot has fixed lines, so other lines need another plot.
  useEffect(() => {
    const element = place.current
    if (element === null) return undefined
    const draw = (): void => {
      plot.current?.destroy()
      plot.current = new uPlot(optionsOf(element.clientWidth, lines), newest.current, element)
    }
    draw()
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', draw)
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }))
    resized.observe(element)
    return () => {
      dark.removeEventListener('change', draw)
      resized.disconnect()
      plot.current?.destroy()
      plot.current = undefined
    }
  }, [lines.join(' ')])
  useEffect(() => plot.current?.setData(data), [samples])
  const last = samples[samples.length - 1]?.plots[name] ?? {}
  return (
    <figure>
      <figcaption>
        <span>{title}</span>
        <span class="values">
          {lines.map((line, offset) => (
            <span key={line} data-line={offset % COLORS}>
              {line} {last[line] === undefined ? '–' : round(last[line])}
            </span>
          ))}
          <span class="faint">{unit}</span>
        </span>
      </figcaption>
      <div ref={place} class="plot" />
    </figure>
  )
}

const COLORS = 6

function dataOf(samples: readonly Sample[], name: PlotName, lines: readonly string[]): uPlot.AlignedData {
  const times = samples.map(({ at }) => at)
  return [times, ...lines.map((line) => samples.map(({ plots }) => plots[name][line] ?? null))]
}

function optionsOf(width: number, lines: readonly string[]): uPlot.Options {
  const style = getComputedStyle(document.documentElement)
  const color = (name: string): string => style.getPropertyValue(name).trim()
  const axis = {
    stroke: color('--faint'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  }
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      x: { range: (_, min, max) => [Math.max(max - SECONDS_MAX, Math.min(min, max - SECONDS_MIN)), max] },
      y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] },
    },
    series: [
      {},
      ...lines.map((label, offset) => ({
        label,
        stroke: color(`--plot${offset % COLORS}`),
        width: 1.5,
        points: { show: false },
      })),
    ],
    axes: [
      { ...axis, size: 22 },
      { ...axis, size: 44, values: (_, ticks) => ticks.map(round) },
    ],
  }
}

function round(value: number): string {
  if (value >= 1000) return `${(value / 1000).toFixed(value >= 10_000 ? 0 : 1)}k`
  return value >= 10 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1)
}
