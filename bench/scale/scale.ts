import { surveyAtScale } from './survey-at-scale.ts';

/** The survey of 10,000 functions should take no longer, from a cold start. */
const AIM_SURVEY_MS = 1000;

export interface ScaleOptions {
  readonly json: boolean;
}

/** Measures what grows with a host, on simulated hosts, and prints it. One row: the survey; lending among many VMs is not measured. */
export function scale({ json }: ScaleOptions): void {
  process.stderr.write('making a host of 10,000 functions, and surveying it\n');
  const { survey10kMs, laterMs } = surveyAtScale();
  if (json) {
    process.stdout.write(`${JSON.stringify({ bench: 'scale', survey10kMs: Math.round(survey10kMs) })}\n`);
    return;
  }
  const later = laterMs.map((ms) => Math.round(ms)).join(', ');
  process.stdout.write(
    `survey of 10,000 functions: ${Math.round(survey10kMs)} ms (aim: at most ${AIM_SURVEY_MS}); later ones in the same process: ${later}\n` +
      'This bench measures the survey only; adding and removing among many VMs is not part of it.\n',
  );
}
