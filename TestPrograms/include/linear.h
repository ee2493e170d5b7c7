// Sixty linear equations whose solution is all ones, solved by elimination with pivots: the same work for the x87 unit and
// for SSE2.
#ifndef LINEAR_H
#define LINEAR_H

enum { N = 60 };
static double a[N][N], b[N], x[N];

static double magnitude(double value) { return value < 0 ? -value : value; }

static void fill(void)
{
    u32 seed = 1325;
    for (int i = 0; i < N; i++) {
        b[i] = 0;
        for (int j = 0; j < N; j++) {
            seed = seed * 3125 % 65536;
            a[i][j] = ((int)seed - 32768) / 16384.0;
            b[i] += a[i][j];
        }
    }
}

static void solve(void)
{
    for (int k = 0; k < N; k++) {
        int pivot = k;
        for (int i = k + 1; i < N; i++)
            if (magnitude(a[i][k]) > magnitude(a[pivot][k]))
                pivot = i;
        for (int j = 0; j < N; j++) {
            double kept = a[k][j];
            a[k][j] = a[pivot][j], a[pivot][j] = kept;
        }
        double kept = b[k];
        b[k] = b[pivot], b[pivot] = kept;
        for (int i = k + 1; i < N; i++) {
            double factor = a[i][k] / a[k][k];
            for (int j = k; j < N; j++)
                a[i][j] -= factor * a[k][j];
            b[i] -= factor * b[k];
        }
    }
    for (int i = N - 1; i >= 0; i--) {
        double sum = b[i];
        for (int j = i + 1; j < N; j++)
            sum -= a[i][j] * x[j];
        x[i] = sum / a[i][i];
    }
}

// The sum of the solution, and how far it is from all ones.
static void check_solution(double *sum, double *worst)
{
    fill();
    solve();
    *sum = *worst = 0;
    for (int i = 0; i < N; i++) {
        *sum += x[i];
        if (magnitude(x[i] - 1) > *worst)
            *worst = magnitude(x[i] - 1);
    }
}

#endif
