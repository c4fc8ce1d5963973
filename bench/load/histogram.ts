/** Each bucket is this much wider than the one before, so that a percentile is right to within 1 %. */
const GROWTH = Math.log(1.01);
const SMALLEST_MS = 0.01;

/** How many of the latencies fell into each bucket; plain numbers, so that it can be sent and added up. */
export type Histogram = number[];

export function record(histogram: Histogram, ms: number): void {
  const bucket = ms <= SMALLEST_MS ? 0 : Math.ceil(Math.log(ms / SMALLEST_MS) / GROWTH);
  while (histogram.length <= bucket) histogram.push(0);
  histogram[bucket] = (histogram[bucket] ?? 0) + 1;
}

/** All of them together. */
export function merge(histograms: readonly Histogram[]): Histogram {
  const length = Math.max(0, ...histograms.map((histogram) => histogram.length));
  return Array.from({ length }, (_, i) => histograms.reduce((sum, histogram) => sum + (histogram[i] ?? 0), 0));
}

/** The latency, ms, below which this share of them lies. */
export function percentileOf(histogram: Histogram, share: number): number {
  let left = Math.ceil(histogram.reduce((sum, count) => sum + count, 0) * share);
  if (left === 0) return Number.NaN;
  const bucket = histogram.findIndex((count) => {
    left -= count;
    return left <= 0;
  });
  return SMALLEST_MS * Math.exp(bucket * GROWTH);
}
