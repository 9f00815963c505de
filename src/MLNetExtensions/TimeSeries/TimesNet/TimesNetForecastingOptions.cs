namespace MLNetExtensions.TimeSeries;

public sealed partial class TimesNetForecastingEstimator
{
    /// <summary>
    /// The options of <see cref="TimesNetForecastingEstimator"/>. The defaults are those of the paper's long-term forecasting. For many short series take a window of twice the
    /// horizon, <see cref="Loss"/> <see cref="ForecastLoss.SymmetricAbsolutePercentageError"/> with <see cref="ForecastingOptions.Standardize"/> off, a batch of 16 and a learning
    /// rate of 1e-3.
    /// </summary>
    public sealed class Options : ForecastingOptions
    {
        /// <summary>Creates the options with their defaults.</summary>
        public Options()
        {
            MaximumNumberOfEpochs = TimesNetForecastingEstimator.Defaults.MaximumNumberOfEpochs;
            BatchSize = TimesNetForecastingEstimator.Defaults.BatchSize;
            LearningRate = TimesNetForecastingEstimator.Defaults.LearningRate;
            Patience = TimesNetForecastingEstimator.Defaults.Patience;
        }

        /// <summary>The network, and how it chooses its periods.</summary>
        public TimesNetOptions Network { get; internal set; } = new(topPeriods: 5, smallestWidth: 32, largestWidth: 512);

        /// <summary>
        /// What the network is told of the time of each row of a window, taken from <see cref="ForecastingOptions.TimeColumnName"/>, which must be named then and is read in scoring
        /// too. The published code takes hour, weekday, day of month and day of year. The default is <see cref="TimeFeatures.None"/>.
        /// </summary>
        public TimeFeatures TimeFeatures { get; set; }

        /// <summary>
        /// How <see cref="TimeFeatures"/> enter the network. <see cref="TimeEmbedding.Fixed"/> takes hour, weekday, day of month and month, no fewer and no others. The default is
        /// <see cref="TimeEmbedding.Linear"/>.
        /// </summary>
        public TimeEmbedding TimeEmbedding { get; set; }

        /// <summary>The error that training minimises. The default is <see cref="ForecastLoss.SquaredError"/>.</summary>
        public ForecastLoss Loss { get; set; } = ForecastLoss.SquaredError;

        /// <summary>How the learning rate falls from epoch to epoch. The default is <see cref="LearningRateSchedule.HalvingEveryEpoch"/>.</summary>
        public LearningRateSchedule LearningRateSchedule { get; set; } = LearningRateSchedule.HalvingEveryEpoch;

        /// <summary>The largest L2 norm of the gradient, above which it is scaled down. Must not be negative; 0 = no limit. The default is 0.</summary>
        public double GradientClipNorm { get; set; }

        internal override TimeMarks? TimeMarks => TimeFeatures == TimeFeatures.None || TimeColumnName is null ? null : new(TimeColumnName, TimeFeatures, TimeEmbedding);
    }

    /// <summary>The numbers that the simple overload shares.</summary>
    internal static class Defaults
    {
        internal const int MaximumNumberOfEpochs = 10;
        internal const int BatchSize = 32;
        internal const double LearningRate = 1e-4;
        internal const int Patience = 3;
    }
}
