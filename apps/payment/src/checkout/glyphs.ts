import { randomInt } from 'node:crypto';
import { shuffled } from './shuffle';

type Point = readonly [x: number, y: number];
/** A stroke: where it starts, then cubic Bézier curves, each by two control points and its end. */
interface Stroke {
  readonly from: Point;
  readonly curves: ReadonlyArray<readonly [Point, Point, Point]>;
}

const curve = (from: Point, ...curves: Stroke['curves']): Stroke => ({ from, curves });
/** Straight from point to point. */
const line = (from: Point, ...to: Point[]): Stroke => ({
  from,
  curves: to.map((end, i) => [to[i - 1] ?? from, end, end]),
});

/** The digits 0 to 9 in a box of 100 × 140, to be stroked with a round pen about nine wide. */
const DIGITS: readonly (readonly Stroke[])[] = [
  [
    curve(
      [50, 18],
      [
        [78, 18],
        [80, 48],
        [80, 70],
      ],
      [
        [80, 92],
        [78, 122],
        [50, 122],
      ],
      [
        [22, 122],
        [20, 92],
        [20, 70],
      ],
      [
        [20, 48],
        [22, 18],
        [50, 18],
      ],
    ),
  ],
  [line([32, 36], [56, 18], [56, 122])],
  [
    curve(
      [23, 46],
      [
        [24, 8],
        [78, 8],
        [77, 46],
      ],
      [
        [76, 72],
        [44, 88],
        [22, 122],
      ],
    ),
    line([22, 122], [80, 122]),
  ],
  [
    curve(
      [24, 32],
      [
        [38, 10],
        [76, 12],
        [75, 42],
      ],
      [
        [74, 60],
        [58, 66],
        [44, 66],
      ],
    ),
    curve(
      [44, 66],
      [
        [62, 66],
        [79, 74],
        [78, 94],
      ],
      [
        [77, 128],
        [34, 130],
        [21, 106],
      ],
    ),
  ],
  [line([64, 122], [64, 18], [18, 90], [84, 90])],
  [
    line([74, 18], [32, 18], [27, 66]),
    curve(
      [27, 66],
      [
        [40, 52],
        [79, 54],
        [79, 88],
      ],
      [
        [79, 128],
        [34, 130],
        [21, 108],
      ],
    ),
  ],
  [
    curve(
      [70, 20],
      [
        [42, 34],
        [22, 62],
        [22, 88],
      ],
      [
        [22, 133],
        [78, 133],
        [78, 88],
      ],
      [
        [78, 50],
        [28, 52],
        [22, 88],
      ],
    ),
  ],
  [
    line([20, 18], [80, 18]),
    curve(
      [80, 18],
      [
        [62, 46],
        [46, 82],
        [42, 122],
      ],
    ),
  ],
  [
    curve(
      [50, 66],
      [
        [20, 62],
        [20, 18],
        [50, 18],
      ],
      [
        [80, 18],
        [80, 62],
        [50, 66],
      ],
    ),
    curve(
      [50, 66],
      [
        [12, 72],
        [12, 122],
        [50, 122],
      ],
      [
        [88, 122],
        [88, 72],
        [50, 66],
      ],
    ),
  ],
  [
    curve(
      [30, 120],
      [
        [58, 106],
        [78, 78],
        [78, 52],
      ],
      [
        [78, 7],
        [22, 7],
        [22, 52],
      ],
      [
        [22, 90],
        [72, 88],
        [78, 52],
      ],
    ),
  ],
];

/** Points on each curve, from to. */
const DENSITY: readonly [number, number] = [9, 15];
/** How far a point is off, hundredths of a unit. */
const JITTER = 35;

/**
 * SVG path of a digit, drawn a little differently each time: other points, other places by a hair, other order and
 * direction of the strokes. A page holds no digit as text, and two equal digits have no byte in common to be told by.
 */
export function glyph(digit: number): string {
  const strokes = DIGITS[digit];
  if (!strokes) throw new RangeError('a digit is 0 to 9');
  return shuffled(strokes.map(sample)).map(pathOf).join('');
}

function sample({ from, curves }: Stroke): Point[] {
  const points: Point[] = [jittered(from)];
  let start = from;
  for (const [a, b, end] of curves) {
    const count = randomInt(DENSITY[0], DENSITY[1]);
    for (let i = 1; i <= count; i += 1) points.push(jittered(bezier(start, a, b, end, i / count)));
    start = end;
  }
  return randomInt(2) === 0 ? points : points.reverse();
}

function bezier([x0, y0]: Point, [x1, y1]: Point, [x2, y2]: Point, [x3, y3]: Point, t: number): Point {
  const u = 1 - t;
  const at = (p0: number, p1: number, p2: number, p3: number) =>
    u ** 3 * p0 + 3 * u ** 2 * t * p1 + 3 * u * t ** 2 * p2 + t ** 3 * p3;
  return [at(x0, x1, x2, x3), at(y0, y1, y2, y3)];
}

function jittered([x, y]: Point): Point {
  return [x + randomInt(-JITTER, JITTER + 1) / 100, y + randomInt(-JITTER, JITTER + 1) / 100];
}

function pathOf(points: readonly Point[]): string {
  return points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
}
