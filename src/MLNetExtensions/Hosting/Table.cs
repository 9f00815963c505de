using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>Makes views of arrays: what a model has to tell, as data.</summary>
internal sealed class Table(IHostEnvironment env, string title)
{
    // More values make a cell that nobody reads.
    private const int MostValues = 8;

    private readonly ArrayDataViewBuilder _builder = new(env);
    private readonly List<ResultColumn> _columns = [];

    internal Table Add(string name, string[] texts)
    {
        _builder.AddColumn(name, texts);
        _columns.Add(new(name, row => texts[row], _ => double.NaN));
        return this;
    }

    internal Table Add<T>(string name, PrimitiveDataViewType type, T[] values)
        where T : struct, IConvertible, IFormattable
    {
        _builder.AddColumn(name, type, values);
        _columns.Add(new(name, row => Text(values[row]), row => values[row].ToDouble(CultureInfo.InvariantCulture)));
        return this;
    }

    internal Table AddVectors<T>(string name, PrimitiveDataViewType type, T[][] values)
        where T : struct, IFormattable
    {
        _builder.AddColumn(name, type, values);
        _columns.Add(new(name, row => $"{string.Join(' ', values[row].Take(MostValues).Select(Text))}{(values[row].Length > MostValues ? " …" : "")}", _ => double.NaN));
        return this;
    }

    /// <param name="barNames">The column that names the bars of a chart; null = no chart.</param>
    /// <param name="barValues">The column with the length of the bars.</param>
    internal ResultTable Build(string? barNames = null, string? barValues = null)
        => new(_builder.GetDataView(), title, _columns, _columns.Find(column => column.Name == barNames), _columns.Find(column => column.Name == barValues));

    private static string Text<T>(T value)
        where T : IFormattable
        => value.ToString(value is float or double ? "G5" : null, CultureInfo.InvariantCulture);
}
