namespace MLNetExtensions.Tensors;

/// <summary>
/// Where the numbers of a core, and of its second moments, lie: as a whole with mode 0 slowest, or seen from one mode [its functions, products of all others], the
/// others in their order.
/// </summary>
internal sealed class CoreLayout
{
    private readonly int[] _ranks;
    private readonly int[][] _pairs;
    private readonly int[][] _digits;

    internal CoreLayout(int[] ranks)
    {
        _ranks = ranks;
        Size = ranks.Aggregate(1, (product, rank) => checked(product * rank));
        _pairs = Array.ConvertAll(ranks, rank =>
        {
            var pairs = new int[rank * rank];
            for (int r = 0, next = 0; r < rank; r++)
            {
                for (var s = r; s < rank; s++)
                {
                    pairs[r * rank + s] = pairs[s * rank + r] = next++;
                }
            }
            return pairs;
        });
        _digits = new int[ranks.Length][];
        for (int mode = ranks.Length - 1, stride = 1; mode >= 0; stride *= ranks[mode--])
        {
            _digits[mode] = new int[Size];
            for (var i = 0; i < Size; i++)
            {
                _digits[mode][i] = i / stride % ranks[mode];
            }
        }
    }

    /// <summary>P.</summary>
    internal int Size { get; }

    /// <summary>The numbers of the products of all other modes' functions.</summary>
    internal int OtherSize(int mode) => Size / _ranks[mode];

    /// <summary>The numbers of the products of all other modes' packed second moments.</summary>
    internal int OtherPairs(int mode)
    {
        var product = 1;
        for (var other = 0; other < _ranks.Length; other++)
        {
            product *= other == mode ? 1 : SmallMatrix.Packed(_ranks[other]);
        }
        return product;
    }

    /// <summary>Which function of a mode a number of the core belongs to.</summary>
    internal int Digit(int mode, int place) => _digits[mode][place];

    /// <summary>A core seen from a mode.</summary>
    internal double[] ByMode(int mode, ReadOnlySpan<double> core)
    {
        var seen = new double[Size];
        for (var i = 0; i < Size; i++)
        {
            seen[Offset(mode, i)] = core[i];
        }
        return seen;
    }

    /// <summary>The reverse of <see cref="ByMode"/>.</summary>
    internal double[] FromMode(int mode, ReadOnlySpan<double> seen)
    {
        var core = new double[Size];
        for (var i = 0; i < Size; i++)
        {
            core[i] = seen[Offset(mode, i)];
        }
        return core;
    }

    /// <summary>For each column of a row of [P, P] its place among the packed second moments seen from a mode [its pairs, products of the others' pairs].</summary>
    internal void PairOffsets(int mode, int row, Span<int> offsets)
    {
        var stride = new int[_ranks.Length];
        for (int other = _ranks.Length - 1, next = 1; other >= 0; other--)
        {
            if (other != mode)
            {
                stride[other] = next;
                next *= SmallMatrix.Packed(_ranks[other]);
            }
        }
        stride[mode] = OtherPairs(mode);
        offsets[0] = 0;
        for (int j = 0, length = 1; j < _ranks.Length; j++)
        {
            var rank = _ranks[j];
            var pairs = _pairs[j].AsSpan(_digits[j][row] * rank, rank);
            // From the end, so that nothing is overwritten before it is read.
            for (var i = length - 1; i >= 0; i--)
            {
                var start = offsets[i];
                for (var s = rank - 1; s >= 0; s--)
                {
                    offsets[i * rank + s] = start + stride[j] * pairs[s];
                }
            }
            length *= rank;
        }
    }

    /// <summary>Replaces the first numbers by their products with each factor, the factors fastest; returns their number.</summary>
    internal static int Expand(Span<double> product, int length, ReadOnlySpan<double> factors)
    {
        for (var i = length - 1; i >= 0; i--)
        {
            var value = product[i];
            for (var s = factors.Length - 1; s >= 0; s--)
            {
                product[i * factors.Length + s] = value * factors[s];
            }
        }
        return length * factors.Length;
    }

    private int Offset(int mode, int place)
    {
        var offset = _digits[mode][place];
        for (var other = 0; other < _ranks.Length; other++)
        {
            offset = other == mode ? offset : offset * _ranks[other] + _digits[other][place];
        }
        return offset;
    }
}
