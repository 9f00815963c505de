namespace MLNetExtensions.TimeSeries;

/// <summary>What fixes the tensors of a <see cref="TimesNetModule"/> and how it computes.</summary>
internal sealed record TimesNetShape
{
    /// <summary>The rows of the tables of <see cref="TimeEmbedding.Fixed"/>: month, day of month, weekday, hour.</summary>
    internal static readonly (string Name, int Rows)[] FixedTables = [("month", 13), ("day", 32), ("weekday", 7), ("hour", 24)];

    internal const int SmallestWindow = 4;

    /// <summary>C.</summary>
    public required int Channels { get; init; }

    /// <summary>L, the length of the input.</summary>
    public required int WindowSize { get; init; }

    /// <summary>H; 0 unless the task is forecasting.</summary>
    public int Horizon { get; init; }

    /// <summary>The number of classes; 0 unless the task is classification.</summary>
    public int Classes { get; init; }

    /// <summary>m, the number of time features; 0 = none.</summary>
    public int Marks { get; init; }

    public TimeEmbedding Embedding { get; init; }

    /// <summary>D; even.</summary>
    public required int Width { get; init; }

    /// <summary>F.</summary>
    public required int HiddenWidth { get; init; }

    /// <summary>N.</summary>
    public int Layers { get; init; } = 2;

    /// <summary>k.</summary>
    public int TopPeriods { get; init; } = 5;

    /// <summary>K.</summary>
    public int Kernels { get; init; } = 6;

    public double Dropout { get; init; }

    /// <summary>T, the length that the layers see.</summary>
    internal int Steps => WindowSize + Horizon;

    /// <summary>The highest frequency: ⌊T/2⌋.</summary>
    internal int HighestFrequency => Steps / 2;

    /// <summary>How many numbers are trained.</summary>
    internal long ParameterCount
    {
        get
        {
            long c = Channels, l = WindowSize, t = Steps, d = Width, f = HiddenWidth, taps = 0;
            for (long j = 0; j < Kernels; j++)
            {
                taps += (2 * j + 1) * (2 * j + 1);
            }
            return Layers * (2 * d * f * taps + Kernels * (d + f))
                + 3 * c * d
                + (Embedding == TimeEmbedding.Linear ? Marks * d : 0)
                + 2 * d
                + (Horizon > 0 ? t * l + t : 0)
                + (Classes > 0 ? l * d * Classes + Classes : d * c + c);
        }
    }

    /// <exception cref="ArgumentOutOfRangeException">A size is out of its range.</exception>
    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Channels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(WindowSize, SmallestWindow);
        ArgumentOutOfRangeException.ThrowIfNegative(Horizon);
        ArgumentOutOfRangeException.ThrowIfNegative(Classes);
        ArgumentOutOfRangeException.ThrowIfNegative(Marks);
        ArgumentOutOfRangeException.ThrowIfLessThan(Width, 2);
        ArgumentOutOfRangeException.ThrowIfNotEqual(Width % 2, 0, nameof(Width));
        ArgumentOutOfRangeException.ThrowIfLessThan(HiddenWidth, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Layers, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(TopPeriods, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(TopPeriods, HighestFrequency);
        ArgumentOutOfRangeException.ThrowIfLessThan(Kernels, 1);
        if (Horizon > 0 && Classes > 0)
        {
            throw new ArgumentOutOfRangeException(nameof(Classes), Classes, "A network forecasts or classifies, not both.");
        }
        if (Marks > 0 && Embedding == TimeEmbedding.Fixed && Marks != FixedTables.Length)
        {
            throw new ArgumentOutOfRangeException(nameof(Marks), Marks, $"The fixed embedding takes {FixedTables.Length} time features.");
        }
        if (!(Dropout >= 0 && Dropout < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(Dropout), Dropout, "Must be at least 0 and below 1.");
        }
    }
}
