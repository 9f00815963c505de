using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions;

/// <summary>The annotation of columns of bounds: the probability with which values should lie between them.</summary>
internal static class ConfidenceLevels
{
    internal const string Name = "ConfidenceLevel";

    /// <summary>The annotation as an estimator promises it.</summary>
    internal static (string Name, DataViewType Type) Promise => (Name, NumberDataViewType.Double);

    internal static void AddTo(DataViewSchema.Annotations.Builder builder, double level) => builder.Add(Name, NumberDataViewType.Double, (ref double value) => value = level);

    /// <summary>The confidence level that a column states; NaN where it states none.</summary>
    internal static double Of(DataViewSchema.Column column)
    {
        double level = double.NaN;
        switch (column.Annotations.Schema.GetColumnOrNull(Name)?.Type.RawType)
        {
            case { } type when type == typeof(double):
                column.Annotations.GetValue(Name, ref level);
                break;
            case { } type when type == typeof(float):
                float single = 0;
                column.Annotations.GetValue(Name, ref single);
                // The decimal number that was meant: 0.95 and not 0.949999988.
                level = double.Parse(single.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
                break;
        }
        return level is >= 0 and < 1 ? level : double.NaN;
    }
}
