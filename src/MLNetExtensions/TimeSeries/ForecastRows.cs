namespace MLNetExtensions.TimeSeries;

/// <summary>Rows of the input columns of a forecaster, as its windows take them.</summary>
internal sealed class ForecastRows
{
    private readonly RowBuffer<double> _values;
    private readonly RowBuffer<string>? _groups;
    private readonly RowBuffer<DateTime>? _times;
    private readonly double[] _row;

    /// <param name="options">What the forecaster reads.</param>
    /// <param name="values">The series.</param>
    /// <param name="groups">To which series a row belongs; null = all rows are one.</param>
    /// <param name="times">The time, where the network is told of it.</param>
    internal ForecastRows(ForecastingModelOptions options, RowBuffer<double> values, RowBuffer<string>? groups, RowBuffer<DateTime>? times)
    {
        _values = values;
        _groups = groups;
        _times = times;
        _row = new double[options.Columns];
    }

    /// <summary>The series that a row belongs to.</summary>
    internal string GroupOf(int row) => _groups is null ? "" : _groups[row][0];

    /// <summary>The values of a row and, where the network is told of it, its time; valid until the next row is asked for.</summary>
    internal ReadOnlySpan<double> this[int row]
    {
        get
        {
            _values[row].CopyTo(_row);
            if (_times is not null)
            {
                _row[^1] = TimeMarks.ToSeconds(_times[row][0]);
            }
            return _row;
        }
    }
}
