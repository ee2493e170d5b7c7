// The spectral norm of a matrix of 100 by 100: the same work for the x87 unit and for SSE2.
#ifndef SPECTRAL_H
#define SPECTRAL_H

enum { N = 100 };
static double u[N], v[N], between[N];

static inline double element(int i, int j) { return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1); }

static void multiply(const double *from, double *to, int transposed)
{
    for (int i = 0; i < N; i++) {
        double sum = 0;
        for (int j = 0; j < N; j++)
            sum += (transposed ? element(j, i) : element(i, j)) * from[j];
        to[i] = sum;
    }
}

static void multiply_twice(const double *from, double *to)
{
    multiply(from, between, 0);
    multiply(between, to, 1);
}

#endif
