/* Rows of points in, value and gradient of the headline formula out: what `backprop map` is measured against.

   gcc -O3 -march=native rows.c -o rows -lm; ./rows ndjson < points.ndjson; ./rows csv < points.csv

   z = (x + s)/(s + (x + y)^2) with s = 1/(1 + exp(-x)); lines are kept, and the results stand at their ends. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char line[1 << 16];
static char buffer[1 << 20];

int main(int count, char **arguments) {
    int csv = count > 1 && strcmp(arguments[1], "csv") == 0;
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    if (csv && fgets(line, sizeof line, stdin))
        printf("%.*s,value,grad_x,grad_y\n", (int)strcspn(line, "\n"), line);
    while (fgets(line, sizeof line, stdin)) {
        char *end = line;
        double x = strtod(csv ? line : strchr(line, ':') + 1, &end);
        double y = strtod((csv ? end : strchr(end, ':')) + 1, &end);
        double s = 1 / (1 + exp(-x)), t = x + y, d = s + t * t, slope = s * (1 - s), r = (x + s) / d;
        double by_x = ((1 + slope) - r * (slope + 2 * t)) / d, by_y = -2 * t * r / d;
        fwrite(line, 1, (size_t)(end - line), stdout);
        printf(csv ? ",%.17g,%.17g,%.17g\n" : ", \"value\": %.17g, \"grad\": {\"x\": %.17g, \"y\": %.17g}}\n", r, by_x, by_y);
    }
    return 0;
}
