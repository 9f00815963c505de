namespace MLNetExtensions.Tensors;

/// <summary>
/// Steps of the joint state of R functions, all values first, then all first derivatives, and so on: D = d R numbers. The transition is A ⊗ I.
/// </summary>
internal static class StateSteps
{
    /// <summary>P := (A ⊗ I) P (A ⊗ I)' + Q ⊗ I.</summary>
    internal static void PropagateCovariance(ReadOnlySpan<double> transition, ReadOnlySpan<double> noise, Span<double> covariance, Span<double> scratch, int states, int rank)
    {
        if (states == 1)
        {
            var square = transition[0] * transition[0];
            covariance = covariance[..(rank * rank)];
            for (var i = 0; i < covariance.Length; i++)
            {
                covariance[i] *= square;
            }
        }
        else
        {
            Sandwich(transition, covariance, scratch, states, rank, isTransposed: false);
        }
        var size = states * rank;
        for (var a = 0; a < states; a++)
        {
            for (var b = 0; b < states; b++)
            {
                var q = noise[a * states + b];
                for (var r = 0; r < rank; r++)
                {
                    covariance[(a * rank + r) * size + b * rank + r] += q;
                }
            }
        }
    }

    /// <summary>N := (A ⊗ I)' N (A ⊗ I).</summary>
    internal static void PullBackPrecision(ReadOnlySpan<double> transition, Span<double> precision, Span<double> scratch, int states, int rank)
    {
        if (states == 1)
        {
            var square = transition[0] * transition[0];
            precision = precision[..(rank * rank)];
            for (var i = 0; i < precision.Length; i++)
            {
                precision[i] *= square;
            }
            return;
        }
        Sandwich(transition, precision, scratch, states, rank, isTransposed: true);
    }

    /// <summary>x := (A ⊗ I) x, or with A'.</summary>
    internal static void Propagate(ReadOnlySpan<double> transition, Span<double> vector, Span<double> scratch, int states, int rank, bool isTransposed)
    {
        for (var a = 0; a < states; a++)
        {
            for (var r = 0; r < rank; r++)
            {
                var sum = 0.0;
                for (var c = 0; c < states; c++)
                {
                    sum += transition[isTransposed ? c * states + a : a * states + c] * vector[c * rank + r];
                }
                scratch[a * rank + r] = sum;
            }
        }
        scratch[..(states * rank)].CopyTo(vector);
    }

    /// <summary>X := B X B' with B = A ⊗ I or its transpose; blocks of rows first, then blocks of columns.</summary>
    private static void Sandwich(ReadOnlySpan<double> transition, Span<double> matrix, Span<double> scratch, int states, int rank, bool isTransposed)
    {
        var size = states * rank;
        var block = rank * size;
        for (var a = 0; a < states; a++)
        {
            var target = scratch.Slice(a * block, block);
            for (var c = 0; c < states; c++)
            {
                var factor = transition[isTransposed ? c * states + a : a * states + c];
                var source = matrix.Slice(c * block, target.Length);
                if (c == 0)
                {
                    for (var i = 0; i < target.Length; i++)
                    {
                        target[i] = factor * source[i];
                    }
                }
                else
                {
                    for (var i = 0; i < target.Length; i++)
                    {
                        target[i] += factor * source[i];
                    }
                }
            }
        }
        for (var row = 0; row < size; row++)
        {
            var source = scratch.Slice(row * size, size);
            for (var b = 0; b < states; b++)
            {
                var target = matrix.Slice(row * size + b * rank, rank);
                for (var e = 0; e < states; e++)
                {
                    var factor = transition[isTransposed ? e * states + b : b * states + e];
                    var part = source.Slice(e * rank, target.Length);
                    if (e == 0)
                    {
                        for (var s = 0; s < target.Length; s++)
                        {
                            target[s] = factor * part[s];
                        }
                    }
                    else
                    {
                        for (var s = 0; s < target.Length; s++)
                        {
                            target[s] += factor * part[s];
                        }
                    }
                }
            }
        }
    }
}
